using ShimRuntime.Cli.Running;
using ShimRuntime.Cri.V1;
using Xunit;

namespace ShimRuntime.Cli.Tests;

public class RunArgumentsTests
{
    [Theory]
    [InlineData("1", 1L)]
    [InlineData("64Mi", 64L << 20)]
    [InlineData("2Gi", 2L << 30)]
    [InlineData("512Ki", 512L << 10)]
    public void Memory_is_read_with_binary_suffixes(string text, long bytes) => Assert.Equal(bytes, RunArguments.MemoryBytes(text));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("64MB")]
    [InlineData("Mi")]
    [InlineData("9999999999999Gi")]
    public void Bad_memory_is_a_usage_error(string text) => Assert.Throws<UsageException>(() => RunArguments.MemoryBytes(text));

    [Fact]
    public void Apparmor_profiles_are_written_as_kubernetes_does()
    {
        Assert.Equal(new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.Unconfined }, RunArguments.Apparmor("unconfined"));
        Assert.Equal(new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.RuntimeDefault }, RunArguments.Apparmor("runtime/default"));
        Assert.Equal(
            new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.Localhost, LocalhostRef = "a/b" }, RunArguments.Apparmor("localhost/a/b"));
        Assert.Throws<UsageException>(() => RunArguments.Apparmor("default"));
    }

    [Fact]
    public void Pairs_keep_everything_after_the_first_equals_sign()
    {
        Assert.Equal(new("io.max", "8:0 rbps=1"), RunArguments.Pair("--cgroup-conf", "io.max=8:0 rbps=1"));
        Assert.Contains("--annotation 'x'", Assert.Throws<UsageException>(() => RunArguments.Pair("--annotation", "x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_variable_keeps_everything_after_the_first_equals_sign()
    {
        var variable = RunArguments.Variable("A=b=c");
        Assert.Equal(("A", "b=c"), (variable.Key, variable.Value.ToStringUtf8()));
        Assert.Throws<UsageException>(() => RunArguments.Variable("=x"));
        Assert.Throws<UsageException>(() => RunArguments.Variable("novalue"));
    }

    [Theory]
    [InlineData("8080:80", 8080, 80, Protocol.Tcp)]
    [InlineData("53:5353/udp", 53, 5353, Protocol.Udp)]
    public void Ports_are_host_then_container(string text, int host, int container, Protocol protocol)
    {
        var port = RunArguments.Port(text);
        Assert.Equal((host, container, protocol), (port.HostPort, port.ContainerPort, port.Protocol));
    }

    [Theory]
    [InlineData("80")]
    [InlineData("0:80")]
    [InlineData("80:70000")]
    [InlineData("80:80/icmp")]
    public void Bad_ports_are_usage_errors(string text) => Assert.Throws<UsageException>(() => RunArguments.Port(text));

    [Theory]
    [InlineData("/a:/b", false)]
    [InlineData("/a:/b:rw", false)]
    [InlineData("/a:/b:ro", true)]
    public void Volumes_are_writable_unless_ro(string text, bool readOnly)
    {
        var mount = RunArguments.Volume(text);
        Assert.Equal(("/a", "/b", readOnly), (mount.HostPath, mount.ContainerPath, mount.Readonly));
    }

    [Theory]
    [InlineData("a:/b")]
    [InlineData("/a")]
    [InlineData("/a:/b:rx")]
    public void Bad_volumes_are_usage_errors(string text) => Assert.Throws<UsageException>(() => RunArguments.Volume(text));

    [Fact]
    public void Cpus_become_a_quota_of_the_default_period()
    {
        var resources = RunArguments.Resources(null, 1.5);
        Assert.Equal((100_000, 150_000, 0), (resources.CpuPeriod, resources.CpuQuota, resources.MemoryLimitInBytes));
        Assert.Throws<UsageException>(() => RunArguments.Resources(null, -1));
    }
}
