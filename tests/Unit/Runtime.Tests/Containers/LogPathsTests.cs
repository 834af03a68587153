using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public sealed class LogPathsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("shimruntime-logs-").FullName;

    public void Dispose() => Directory.Delete(_directory, true);

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../other/0.log")]
    [InlineData("web/../../0.log")]
    [InlineData("web//0.log")]
    [InlineData("./0.log")]
    [InlineData("web/")]
    [InlineData("a\nb")]
    [InlineData("a\0b")]
    public void A_path_that_could_lead_out_is_invalid(string path) =>
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => LogPaths.CheckRelative(path)).Code);

    [Theory]
    [InlineData("")]
    [InlineData("0.log")]
    [InlineData("web/0.log")]
    [InlineData("web/..0.log")]
    public void A_clean_one_is_not(string path) => LogPaths.CheckRelative(path);

    [Fact]
    public void The_directory_must_be_there()
    {
        Refused("web/0.log");
        Directory.CreateDirectory(Path.Combine(_directory, "web"));
        LogPaths.Check(Path.Combine(_directory, "web/0.log"), _directory + "/");
        Refused("web");
    }

    [Fact]
    public void No_link_below_the_log_directory_is_followed()
    {
        Directory.CreateSymbolicLink(Path.Combine(_directory, "web"), "/etc");
        Refused("web/0.log");
        File.CreateSymbolicLink(Path.Combine(_directory, "0.log"), "/etc/shadow");
        Refused("0.log");
    }

    [Fact]
    public void Without_a_directory_or_a_path_output_is_dropped()
    {
        Assert.Equal("", LogPaths.Combine("", "0.log"));
        Assert.Equal("", LogPaths.Combine("/logs", ""));
        LogPaths.Check("", "");
    }

    private void Refused(string path) => Assert.Equal(FaultCode.FailedPrecondition,
        Assert.Throws<RuntimeFault>(() => LogPaths.Check(Path.Combine(_directory, path), _directory)).Code);
}
