using ShimRuntime.Daemon.Checks;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Node;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class RuncCheckTests
{
    [Theory]
    [InlineData("runc version 1.4.1\ncommit: x\nspec: 1.2.0\n", "Fine", "1.4.1")]
    [InlineData("runc version 1.1.5+ds1\nspec: 1.0.2-dev\n", "Limited", "CVE-2024-21626")]
    [InlineData("runc version 1.0.0-rc93\n", "Broken", "1.1 is the oldest")]
    public void Versions_are_judged(string output, string outcome, string detail)
    {
        var result = RuncCheck.Judge("/x/runc", RuncVersion.Parse(output)!);
        Assert.Equal(outcome, result.Outcome.ToString());
        Assert.Contains(detail, result.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/nowhere/runc", "is not there; install runc")]
    [InlineData("/etc/passwd", "is not executable")]
    [InlineData("/bin/true", "does not answer like runc")]
    public async Task What_is_no_runc_is_broken(string path, string detail)
    {
        using var exits = new ExitWatcher();
        var result = await RuncCheck.RunAsync(path, exits);
        Assert.Equal(CheckOutcome.Broken, result.Outcome);
        Assert.Contains(detail, result.Detail, StringComparison.Ordinal);
    }
}
