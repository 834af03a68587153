using ShimRuntime.Daemon.Checks;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class RuncCheckTests
{
    [Theory]
    [InlineData("runc version 1.2.4\ncommit: x\nspec: 1.2.0\n", "Fine", "1.2.4")]
    [InlineData("runc version 1.1.12-0ubuntu3\n", "Fine", "1.1.12")]
    [InlineData("runc version 1.1.5+ds1\nspec: 1.0.2-dev\n", "Limited", "CVE-2024-21626")]
    [InlineData("runc version 1.0.0-rc93\n", "Broken", "1.1.0 is the oldest")]
    [InlineData("crun version 1.8\n", "Broken", "no runc version")]
    [InlineData("", "Broken", "no runc version")]
    public void Versions_are_judged(string output, string outcome, string detail)
    {
        var result = RuncCheck.Judge("/x/runc", output);
        Assert.Equal(outcome, result.Outcome.ToString());
        Assert.Contains(detail, result.Detail, StringComparison.Ordinal);
    }
}
