namespace ShimRuntime.Linux;

/// <summary>One mounted cgroup filesystem.</summary>
/// <param name="MountPoint">Such as /sys/fs/cgroup or /sys/fs/cgroup/cpu,cpuacct.</param>
/// <param name="Controllers">v1: the controllers bound to it (a named one as <c>name=systemd</c>). v2: empty.</param>
public sealed record CgroupMount(string MountPoint, bool IsV2, IReadOnlyList<string> Controllers);
