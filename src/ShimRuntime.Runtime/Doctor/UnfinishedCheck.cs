using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>Work that this daemon has begun and can't end: a pod whose take-down (CNI DEL as a rule) fails again and again, a create that was not undone.</summary>
internal sealed class UnfinishedCheck(ContainerParts parts, SandboxService sandboxes, RemoveVerb remove) : ICheck
{
    public IEnumerable<Orphan> Look(Survey survey) => sandboxes.Reclaimer.Failing.Select(Pending).Concat(parts.Store.Snapshot().Where(IsStuck).Select(Unmade));

    private Orphan Pending(KeyValuePair<string, string> failing)
    {
        var finding = new Finding
        {
            Kind = "pending", Subject = $"take-down of pod sandbox {failing.Key}", Id = failing.Key, NamedBy = sandboxes.Files.Paths.Durable(failing.Key),
            Why = $"it is tried again every minute and fails: {failing.Value}", Remedy = "it is tried now",
        };
        return new Orphan(finding, null, new Repair($"pending {failing.Key}", Repair.OfSandboxes, token => RetryAsync(failing.Key, token)));
    }

    private async Task RetryAsync(string id, CancellationToken cancellation)
    {
        await sandboxes.Reclaimer.HurryAsync(id, cancellation).ConfigureAwait(false);
        if (sandboxes.Reclaimer.Failing.TryGetValue(id, out var cause)) throw new IOException(cause);
    }

    private bool IsStuck(ContainerEntry entry) => entry.Record.Phase == ContainerPhase.Creating && !parts.Creates.IsUnderWay(entry.Id);

    private Orphan Unmade(ContainerEntry entry)
    {
        var finding = new Finding
        {
            Kind = "record", Subject = parts.Files.Paths.Durable(entry.Id), Id = entry.Id, NamedBy = parts.Files.Paths.Record(entry.Id),
            Why = "its create failed, and so did the undo, as the log says; no client knows its id", Remedy = "it is removed as by RemoveContainer",
        };
        return new Orphan(finding, null, new Repair($"container {entry.Id}", Repair.OfContainers, token => remove.RemoveAsync(entry, token)));
    }
}
