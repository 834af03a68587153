using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Containers;

/// <summary>All containers in memory; lookups and lists take no lock.</summary>
public sealed class ContainerStore
{
    private readonly ConcurrentDictionary<string, ContainerEntry> _byId = new(StringComparer.Ordinal);

    /// <summary>Set once, before the first container is added.</summary>
    public IContainerObserver? Observer { get; set; }

    public void Add(ContainerEntry entry)
    {
        entry.Observer = Observer;
        if (!_byId.TryAdd(entry.Id, entry)) throw new InvalidOperationException($"container '{entry.Id}' is in the store already");
    }

    public void Remove(string id)
    {
        if (_byId.TryRemove(id, out var entry)) entry.TellDeleted();
    }

    public bool TryGet(string id, [MaybeNullWhen(false)] out ContainerEntry entry) => _byId.TryGetValue(id, out entry);

    public bool Contains(string id) => _byId.ContainsKey(id);

    /// <summary>By id, or by a prefix that only one container has. Null: unknown, or ambiguous.</summary>
    public ContainerEntry? Find(string idOrPrefix)
    {
        if (_byId.TryGetValue(idOrPrefix, out var exact)) return exact;
        var matches = Matching(idOrPrefix);
        return matches.Count == 1 ? matches[0] : null;
    }

    /// <summary>As <see cref="Find"/>; NotFound, exactly, when there is none: kubelet goes by that code.</summary>
    public ContainerEntry Get(string idOrPrefix, string verb)
    {
        if (_byId.TryGetValue(idOrPrefix, out var exact)) return exact;
        if (idOrPrefix.Length == 0) throw RuntimeFault.InvalidArgument($"failed to {verb} container: container_id is empty");
        return Matching(idOrPrefix) switch
        {
            [] => throw RuntimeFault.NotFound($"failed to {verb} container '{idOrPrefix}': there is no such container; list them with "
                + "ListContainers"),
            [var only] => only,
            var many => throw RuntimeFault.InvalidArgument(
                $"failed to {verb} container: {many.Count} ids begin with container_id '{idOrPrefix}'; give more digits"),
        };
    }

    /// <summary>All whose id begins so.</summary>
    public IReadOnlyList<ContainerEntry> Matching(string prefix) =>
        prefix.Length == 0 ? [] : [.. All().Where(e => e.Id.StartsWith(prefix, StringComparison.Ordinal))];

    public IEnumerable<ContainerEntry> All() => _byId.Select(p => p.Value);

    /// <summary>All at one moment, each once: for what takes its time.</summary>
    public IReadOnlyList<ContainerEntry> Snapshot() => [.. _byId.Values];

    public IReadOnlyList<ContainerEntry> OfSandbox(string sandboxId) => [.. All().Where(e => e.Record.SandboxId == sandboxId)];
}
