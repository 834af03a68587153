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

    [Fact]
    public void A_name_that_no_file_can_have_is_invalid()
    {
        LogPaths.CheckRelative($"web/{new string('x', 255)}/0.log");
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => LogPaths.CheckRelative($"web/{new string('ö', 128)}/0.log")).Code);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0.log")]
    [InlineData("web/0.log")]
    [InlineData("web/..0.log")]
    public void A_clean_one_is_not(string path) => LogPaths.CheckRelative(path);

    [Fact]
    public void The_directory_is_made_and_a_file_in_its_place_is_refused()
    {
        var logs = Path.Combine(_directory, "pods/ns_web_uid");
        LogPaths.MakeDirectory(Path.Combine(logs, "web/app/0.log"), logs + "/");
        Assert.True(Directory.Exists(Path.Combine(logs, "web/app")));
        LogPaths.MakeDirectory(Path.Combine(logs, "web/app/0.log"), logs);
        Refused("pods");
        File.WriteAllText(Path.Combine(_directory, "file"), "");
        Refused("file/0.log");
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
        LogPaths.MakeDirectory("", "");
    }

    private void Refused(string path) => Assert.Equal(FaultCode.FailedPrecondition,
        Assert.Throws<RuntimeFault>(() => LogPaths.MakeDirectory(Path.Combine(_directory, path), _directory)).Code);
}
