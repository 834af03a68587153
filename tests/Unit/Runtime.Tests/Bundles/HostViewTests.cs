using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>The real machine behind IHostView.</summary>
public sealed class HostViewTests : IDisposable
{
    private readonly HostView _host = new(HostFacts.Read());
    private readonly string _directory = Directory.CreateTempSubdirectory("host-").FullName;

    public void Dispose() => Directory.Delete(_directory, true);

    [Fact]
    public void Links_are_followed_also_before_what_is_missing()
    {
        Directory.CreateDirectory(_directory + "/real");
        File.CreateSymbolicLink(_directory + "/link", "real");
        Assert.Equal(new HostPath(_directory + "/real", HostPathState.Exists), _host.Resolve(_directory + "/link"));
        Assert.Equal(new HostPath(_directory + "/real/new/deep", HostPathState.Missing), _host.Resolve(_directory + "/link/new/deep"));
        Assert.Equal(new HostPath("/", HostPathState.Exists), _host.Resolve("/"));
    }

    [Fact]
    public void What_leads_nowhere_is_broken()
    {
        File.CreateSymbolicLink(_directory + "/dangling", "nowhere");
        File.WriteAllText(_directory + "/file", "");
        File.CreateSymbolicLink(_directory + "/loop", "loop");
        Assert.Equal(HostPathState.Broken, _host.Resolve(_directory + "/dangling").State);
        Assert.Equal(HostPathState.Broken, _host.Resolve(_directory + "/dangling/below").State);
        Assert.Equal(HostPathState.Broken, _host.Resolve(_directory + "/file/below").State);
        Assert.Equal(HostPathState.Broken, _host.Resolve(_directory + "/loop").State);
    }

    [Fact]
    public void Devices_are_read_with_their_numbers()
    {
        Assert.Equal((1, 7), (_host.Node("/dev/full")!.Major, _host.Node("/dev/full")!.Minor));
        Assert.Equal(FileKind.Directory, _host.Node("/dev")!.Kind);
        Assert.Null(_host.Node("/etc/passwd"));
        Assert.Null(_host.Node("/dev/none"));
        var below = _host.NodesBelow("/dev").Select(n => n.Path).ToList();
        Assert.Contains("/dev/null", below);
        Assert.DoesNotContain(below, p => p.StartsWith("/dev/pts/", StringComparison.Ordinal) || p == "/dev/console");
    }

    [Fact]
    public void Files_are_read_within_bounds()
    {
        File.WriteAllText(_directory + "/file", "12345");
        Assert.Equal("12345"u8.ToArray(), _host.ReadFile(_directory + "/file", 5));
        Assert.Throws<IOException>(() => _host.ReadFile(_directory + "/file", 4));
        Assert.Throws<IOException>(() => _host.ReadFile("/dev/zero", 4));
        Assert.Null(_host.ReadFile(_directory + "/none", 4));
    }

    [Fact]
    public void The_facts_are_those_of_proc()
    {
        Assert.Equal(File.Exists("/sys/fs/cgroup/cgroup.controllers") ? 2 : 1, _host.Facts.CgroupVersion);
        Assert.Contains("CAP_CHOWN", _host.Facts.Capabilities);
        Assert.Equal(_host.Facts.Capabilities.Contains("CAP_SYS_RESOURCE"), _host.Facts.OomScoreAdjFloor == -1000);
        Assert.NotNull(_host.MountHolding("/proc/self"));
    }
}
