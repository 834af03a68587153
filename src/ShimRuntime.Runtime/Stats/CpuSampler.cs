using System.Diagnostics;
using Microsoft.Extensions.Logging;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Stats;

/// <summary>
/// Reads the CPU time of all that runs every <see cref="Interval"/>: one small file each, some milliseconds for 500 containers. With it the
/// first client that asks gets a present rate, not the average since a start that may be weeks ago.
/// </summary>
/// <param name="each">Done before each round, on the same timer: nothing else wakes the daemon up.</param>
internal sealed class CpuSampler(
    ContainerStore containers, ISandboxStore sandboxes, StatsSources sources, Action each, ILogger<CpuSampler> log)
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>Nanoseconds of the clock that rates are counted by.</summary>
    public static long Now() => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    /// <summary>Samples until the daemon ends; returns at once.</summary>
    public void Begin(CancellationToken stopping) => _ = Task.Run(() => RunAsync(stopping), CancellationToken.None);

    /// <summary>One round; also forgets what is gone.</summary>
    public void Sample()
    {
        each();
        foreach (var entry in containers.All())
        {
            if (ContainerLifecycle.IsRunning(entry.Record.Phase)) Sample(entry.Id, entry.Record.ContainerCgroup);
        }

        var pods = new HashSet<string>(StringComparer.Ordinal);
        foreach (var sandbox in sandboxes.List())
        {
            pods.Add(sandbox.Id);
            if (sandbox.Phase == SandboxPhase.Ready) Sample(sandbox.Id, sandbox.CgroupPath);
        }

        sources.Rates.Forget(key => pods.Contains(key) || containers.Contains(key));
    }

    private void Sample(string key, string cgroup)
    {
        if (sources.Cgroups.ReadCpu(cgroup) is { } nanos) sources.Rates.Keep(key, Now(), nanos);
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Interval);
        try
        {
            do Sample();
            while (await timer.WaitForNextTickAsync(stopping).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // the daemon ends
        }
        catch (Exception e)
        {
            log.LogError(e, "CPU rates are counted from each container's start from now on: sampling failed");
        }
    }
}
