using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Checkpoints;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Checkpoints;

public sealed class CheckpointTargetTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("shimruntime-checkpoint-").FullName;

    public void Dispose() => Directory.Delete(_directory, true);

    [Theory]
    [InlineData("")]
    [InlineData("relative.tar")]
    [InlineData("/tmp/../etc/x.tar")]
    [InlineData("/tmp/a\0b")]
    [InlineData("/tmp/")]
    [InlineData("/no/such/directory/x.tar")]
    [InlineData("/tmp")]
    [InlineData("/dev/null")]
    public void A_place_that_is_none_is_refused_with_the_field(string path) => AssertRefused(path, 0, "location");

    [Fact]
    public void A_negative_timeout_is_refused() => AssertRefused(Path.Combine(_directory, "a.tar"), -1, "timeout");

    [Fact]
    public void A_link_is_not_written_through()
    {
        File.CreateSymbolicLink(Path.Combine(_directory, "link"), "/etc/shadow");
        AssertRefused(Path.Combine(_directory, "link"), 0, "location");
    }

    [Theory]
    [InlineData(0, 600)]
    [InlineData(7, 7)]
    [InlineData(long.MaxValue, 3600)]
    public void Seconds_are_taken_as_given_within_reason(long seconds, double expected)
    {
        var path = Path.Combine(_directory, "a.tar");
        File.WriteAllText(path, "an earlier one may be replaced");
        Assert.Equal(expected, CheckpointTarget.Of(("location", path), seconds, "failed").Timeout.TotalSeconds);
    }

    [Fact]
    public void A_seal_holds_for_the_same_files_and_key_alone()
    {
        var seal = new CheckpointSeal(Path.Combine(_directory, "key"));
        var files = new Dictionary<string, ArchivedFile> { ["b"] = new("22", 2), ["a"] = new("11", 1) };
        var text = seal.Of(files);
        var all = new Dictionary<string, ArchivedFile>(files) { [CheckpointSeal.FileName] = new("33", text.Length) };
        Assert.True(seal.Holds(all, text));
        Assert.False(seal.Holds(new Dictionary<string, ArchivedFile>(all) { ["c"] = new("44", 4) }, text));
        Assert.False(seal.Holds(new Dictionary<string, ArchivedFile>(all) { ["a"] = new("12", 1) }, text));
        Assert.False(seal.Holds(files.Take(1), text));
        Assert.False(new CheckpointSeal(Path.Combine(_directory, "other")).Holds(all, text));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_directory, "key")));
    }

    private static void AssertRefused(string path, long seconds, string field)
    {
        var fault = Assert.Throws<RuntimeFault>(() => CheckpointTarget.Of(("location", path), seconds, "failed to checkpoint container 'c'"));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
        Assert.Contains(field, fault.Message, StringComparison.Ordinal);
    }
}
