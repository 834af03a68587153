using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>A start makes garbage once, and runs code that is not needed again: both go back when nobody waits for us.</summary>
internal static class StartMemory
{
    // Collecting nothing until then was tried (GC.TryStartNoGCRegion): clearing that much memory costs more than the collections.
    public static void Return()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, true, true);
        MappedFiles.ReturnPages();
    }
}
