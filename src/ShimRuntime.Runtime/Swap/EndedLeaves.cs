using ShimRuntime.Runtime.Containers;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Swap;

/// <summary>What earlier generations of a container have counted on leaves that are gone, for totals that must not fall.</summary>
internal sealed class EndedLeaves(ContainerPaths paths)
{
    /// <summary>The sums, and whether the leaf of the record's generation is among them.</summary>
    public (LeafCounters Sum, bool HasCurrent) Of(ContainerRecord record)
    {
        if (record.Swap is null && record.LastGeneration == 1) return default; // never swapped: nothing is read
        if (SwapFile.TryRead(paths.SwapRecord(record.Id)) is not { } journal) return default;
        return (journal.EndedLeaves, journal.History.Any(g => g.Number == record.Generation && g.FinishedAtNanos != 0));
    }
}
