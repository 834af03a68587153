using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Containers;

/// <summary>CRI's filters: every given field must match; ids by prefix.</summary>
public static class ContainerFilters
{
    public static bool Matches(ContainerEntry entry, ContainerFilter? filter)
    {
        var record = entry.Record;
        if (record.Phase == ContainerPhase.Creating) return false; // its id is known to nobody yet
        if (filter is null) return true;
        return Matches(entry, filter.Id, filter.PodSandboxId, filter.LabelSelector)
            && (filter.State is null || filter.State.State == ContainerViews.ToState(record.Phase));
    }

    public static bool Matches(ContainerEntry entry, ContainerStatsFilter? filter) =>
        entry.Record.Phase != ContainerPhase.Creating
        && (filter is null || Matches(entry, filter.Id, filter.PodSandboxId, filter.LabelSelector));

    public static bool HasLabels(IDictionary<string, string> labels, IDictionary<string, string> wanted) =>
        wanted.All(w => labels.TryGetValue(w.Key, out var value) && value == w.Value);

    private static bool Matches(ContainerEntry entry, string id, string sandboxId, IDictionary<string, string> labels) =>
        entry.Id.StartsWith(id, StringComparison.Ordinal)
        && entry.Record.SandboxId.StartsWith(sandboxId, StringComparison.Ordinal)
        && HasLabels(entry.Config.Labels, labels);
}
