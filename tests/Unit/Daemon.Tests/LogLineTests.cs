using System.Text;
using Microsoft.Extensions.Logging;
using ShimRuntime.Daemon.Logging;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class LogLineTests
{
    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.FromHours(2));

    [Fact]
    public void A_console_line_has_time_level_and_room() =>
        Assert.Equal("2026-01-02T01:04:05.678Z warn  ContainerService: "
            + "slow\n", Line(Time, LogLevel.Warning, "ShimRuntime.Runtime.Containers.ContainerService", "slow"));

    [Theory]
    [InlineData(LogLevel.Debug, "<7>")]
    [InlineData(LogLevel.Information, "<6>")]
    [InlineData(LogLevel.Warning, "<4>")]
    [InlineData(LogLevel.Error, "<3>")]
    [InlineData(LogLevel.Critical, "<2>")]
    public void A_journal_line_has_syslogs_priority(LogLevel level, string prefix) =>
        Assert.Equal($"{prefix}Room: said\n", Line(null, level, "Room", "said"));

    [Fact]
    public void No_name_can_forge_a_line()
    {
        var line = Line(null, LogLevel.Information, "R", "pod 'a\n<3>Daemon: all is lost\u001b[2J\u2028'");
        Assert.Equal("<6>R: pod 'a\\n<3>Daemon: all is lost\\x1b[2J\\x2028'\n", line);
    }

    [Fact]
    public void A_message_of_megabytes_is_cut()
    {
        var line = Line(null, LogLevel.Information, "R", new string('x', 1 << 20));
        Assert.InRange(line.Length, LogLine.LongestMessage, LogLine.LongestMessage + 64);
        Assert.EndsWith("(1048576 characters)\n", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Causes_are_named_and_stacks_only_when_asked()
    {
        var error = new InvalidOperationException("why");
        Assert.Equal("m: InvalidOperationException: why", LogLine.WithCause("m", error, false));
        Assert.StartsWith("m: System.InvalidOperationException: why", LogLine.WithCause("m", error, true), StringComparison.Ordinal);
        Assert.Equal("m", LogLine.WithCause("m", null, true));
    }

    private static string Line(DateTimeOffset? time, LogLevel level, string category, string message) =>
        Encoding.UTF8.GetString(LogLine.Format(time, level, category, message));
}
