using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// The daemon's own way to end all of a container: used only when its shim can't, being dead or silent past every deadline.
/// </summary>
public sealed class LeafKiller(CgroupHierarchy hierarchy)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    /// <summary>SIGKILL to every process in the cgroup and below; returns when none is left, or after five seconds.</summary>
    public async Task KillAsync(string cgroup, CancellationToken cancellation)
    {
        var leaf = new Cgroup(hierarchy, cgroup);
        for (var waited = TimeSpan.Zero; waited < Patience && leaf.ProcessesAnywhere().Count > 0; waited += Interval)
        {
            leaf.Kill();
            await Task.Delay(Interval, cancellation).ConfigureAwait(false);
        }
    }

    public bool HasProcesses(string cgroup) => new Cgroup(hierarchy, cgroup).Processes().Count > 0;

    /// <summary>What is still there, each with its state and wait channel; empty: nothing.</summary>
    public string Describe(string cgroup) =>
        string.Join("; ", new Cgroup(hierarchy, cgroup).ProcessesAnywhere().Take(16).Select(ProcessState.Describe));
}
