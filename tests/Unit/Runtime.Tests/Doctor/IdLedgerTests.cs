using ShimRuntime.Runtime.Doctor;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Doctor;

public sealed class IdLedgerTests : IDisposable
{
    private static readonly string Pod = new('a', 64), Container = new('b', 64);
    private readonly string _state = Directory.CreateTempSubdirectory("shimruntime-test-").FullName;

    public void Dispose() => Directory.Delete(_state, true);

    [Fact]
    public void What_was_noted_is_read_by_the_next_daemon_too()
    {
        var ledger = new IdLedger(_state);
        ledger.NoteSandbox(Pod, "/shimruntime/" + Pod, true);
        ledger.NoteContainer(Container, "/kubepods/pod 1/" + Container);
        Assert.Equal(
            [new Claim(ClaimKind.Sandbox, Pod, ledger.Path) { Cgroup = "/shimruntime/" + Pod, OwnsCgroup = true },
             new Claim(ClaimKind.Container, Container, ledger.Path) { Cgroup = "/kubepods/pod 1/" + Container }],
            new IdLedger(_state).Read());
    }

    [Theory]
    [InlineData("")]
    [InlineData("pod")]
    [InlineData("pod aaaa /x")]
    [InlineData("vm aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa /x")]
    [InlineData("pod aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa x")]
    [InlineData("pod aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void A_torn_line_names_nothing(string line) => Assert.Null(new IdLedger(_state).Parse(line));

    [Fact]
    public void It_does_not_grow_for_ever_and_keeps_the_newest()
    {
        var ledger = new IdLedger(_state);
        for (var i = 0; i < 30_000; i++) ledger.NoteContainer(Id(i), "/c");
        Assert.True(new DirectoryInfo(_state).EnumerateFiles().Sum(f => f.Length) < 3 << 20);
        var ids = ledger.Read().Select(c => c.Id).ToList();
        Assert.True(ids.Count > 10_000, $"{ids.Count} are left");
        Assert.Equal(Enumerable.Range(30_000 - ids.Count, ids.Count).Select(Id), ids);
    }

    private static string Id(int number) => number.ToString("x64", System.Globalization.CultureInfo.InvariantCulture);
}
