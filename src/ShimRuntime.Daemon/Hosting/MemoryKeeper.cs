using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// Gives memory back once the daemon has been busy and is quiet again: what a start, a pull or a storm of pods needed is garbage and code that
/// an idle node does not need. An idle heap grows to no size at which the collector would look at it by itself.
/// </summary>
internal static class MemoryKeeper
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <summary>Allocated since memory went back the last time: worth ten milliseconds.</summary>
    private const long Busy = 8 << 20;

    /// <summary>Allocated within one interval: kubelet's lists and statistics of some hundred containers.</summary>
    private const long Quiet = 1 << 20;

    public static async Task RunAsync(CancellationToken cancellation)
    {
        Return();
        using var timer = new PeriodicTimer(Interval);
        for (long returned = GC.GetTotalAllocatedBytes(), last = returned; await timer.WaitForNextTickAsync(cancellation);)
        {
            var allocated = GC.GetTotalAllocatedBytes();
            if (allocated - returned > Busy && allocated - last < Quiet)
            {
                Return();
                returned = allocated;
            }

            last = allocated;
        }
    }

    // Collecting nothing during a start was tried (GC.TryStartNoGCRegion): clearing that much memory costs more than the collections.
    private static void Return()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, true, true);
        MappedFiles.ReturnPages();
    }
}
