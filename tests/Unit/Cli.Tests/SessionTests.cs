using Xunit;

namespace ShimRuntime.Cli.Tests;

public class SessionTests
{
    [Theory]
    [InlineData("--timeout", "0")]
    [InlineData("--timeout", "-1")]
    [InlineData("--timeout", "NaN")]
    [InlineData("--endpoint", "tcp://127.0.0.1:80")]
    public void What_no_session_can_be_is_a_usage_error(string option, string value) =>
        Assert.Throws<UsageException>(() => Open(option, value));

    [Fact]
    public void A_call_has_the_deadline_that_was_asked_for_or_its_own_longer_one()
    {
        using var session = Open("--timeout", "60");
        AssertIn(60, session.Call(CancellationToken.None).Deadline);
        AssertIn(60, session.Call(CancellationToken.None, Session.Seconds(1)).Deadline);
        AssertIn(600, session.Call(CancellationToken.None, Session.Seconds(600)).Deadline);
    }

    [Theory]
    [InlineData(1e300)]
    [InlineData(long.MaxValue)]
    [InlineData(double.PositiveInfinity)]
    public void More_seconds_than_can_be_counted_are_no_deadline(double seconds)
    {
        using var session = Open("--timeout", "60");
        Assert.Null(session.Call(CancellationToken.None, Session.Seconds(seconds)).Deadline);
        using var patient = Open("--timeout", seconds.ToString("r", System.Globalization.CultureInfo.InvariantCulture));
        Assert.Null(patient.Call(CancellationToken.None).Deadline);
    }

    private static Session Open(params string[] options) => Session.Open(Program.Build().Parse([.. options, "ps"]));

    private static void AssertIn(double seconds, DateTime? deadline) =>
        Assert.InRange((deadline!.Value - DateTime.UtcNow).TotalSeconds, seconds - 30, seconds);
}
