using ShimRuntime.Daemon.Configuration;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

/// <summary>The root is of the driver's kind: a path or a slice.</summary>
public sealed class CgroupRootRuleTests
{
    [Theory]
    [InlineData("cgroupfs", "/shimruntime", "/shimruntime")]
    [InlineData("systemd", "/shimruntime", "shimruntime.slice")]
    [InlineData("systemd", "pods.slice", "pods.slice")]
    public void The_default_is_the_drivers(string driver, string root, string expected) =>
        Assert.Equal(expected, ConfigRules.Checked(new DaemonConfig { CgroupDriver = driver, CgroupRoot = root }).CgroupRoot);

    [Theory]
    [InlineData("systemd", "/pods", "cgroup_root '/pods' is no slice")]
    [InlineData("cgroupfs", "pods.slice", "cgroup_root 'pods.slice' is a slice")]
    public void The_other_kind_is_refused(string driver, string root, string expected)
    {
        var error = Assert.Throws<ConfigException>(() => ConfigRules.Checked(new DaemonConfig { CgroupDriver = driver, CgroupRoot = root }));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }
}
