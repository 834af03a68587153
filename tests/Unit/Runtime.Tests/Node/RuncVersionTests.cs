using ShimRuntime.Linux;
using ShimRuntime.Runtime.Node;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Node;

public sealed class RuncVersionTests : IDisposable
{
    private readonly ExitWatcher _exits = new();

    public void Dispose() => _exits.Dispose();

    [Theory]
    [InlineData("runc version 1.1.5+ds1\ncommit: 1.1.5\nspec: 1.0.2-dev\n", 1, 1, 5)]
    [InlineData("runc version 1.4.0-rc.1\n", 1, 4, 0)]
    [InlineData("crun version 1.8.1\ncommit: f8a0\n", 1, 8, 1)]
    public void What_runc_says_is_read(string output, int major, int minor, int patch)
    {
        var version = RuncVersion.Parse(output)!;
        Assert.Equal((major, minor, patch), (version.Major, version.Minor, version.Patch));
    }

    [Theory]
    [InlineData("")]
    [InlineData("runc version one.two.three")]
    [InlineData("runc version 1.1")]
    public void Anything_else_is_not(string output) => Assert.Null(RuncVersion.Parse(output));

    [Theory]
    [InlineData("1.1.5", 2)]
    [InlineData("1.1.12", 1)]
    [InlineData("1.2.7", 1)]
    [InlineData("1.2.8", 0)]
    [InlineData("1.3.2", 1)]
    [InlineData("1.3.3", 0)]
    [InlineData("1.4.0", 0)]
    [InlineData("2.0.0", 0)]
    public void Older_than_a_fix_is_reported(string text, int problems) =>
        Assert.Equal(problems, RuncVersion.Parse($"runc version {text}")!.KnownProblems().Count);

    [Fact]
    public async Task A_runc_that_is_missing_or_something_else_is_a_failure_with_a_sentence()
    {
        var missing = await new RuncProbe("/no/such/runc", _exits).AskAsync(CancellationToken.None);
        Assert.Contains("/no/such/runc", missing.Failure, StringComparison.Ordinal);
        var wrong = await new RuncProbe("/bin/false", _exits).AskAsync(CancellationToken.None);
        Assert.Null(wrong.Version);
        Assert.NotNull(wrong.Failure);
    }

    [Fact]
    public async Task The_machines_runc_answers()
    {
        const string Runc = "/usr/sbin/runc";
        Assert.True(File.Exists(Runc), "these tests need runc; install the package runc");
        var answer = await new RuncProbe(Runc, _exits).AskAsync(CancellationToken.None);
        Assert.Null(answer.Failure);
        Assert.True(answer.Version!.Major >= 1);
    }
}
