using System.Collections.Concurrent;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>All sandboxes in memory; lookups and lists take no lock.</summary>
public sealed class SandboxStore : ISandboxStore
{
    private readonly ConcurrentDictionary<string, SandboxEntry> _byId = new(StringComparer.Ordinal);

    public Sandbox? Find(string idOrPrefix) => FindEntry(idOrPrefix)?.Current;

    public IReadOnlyCollection<Sandbox> List() => [.. _byId.Values.Select(e => e.Current)];

    /// <summary>By id, or by a prefix that only one sandbox has. Null: unknown. InvalidArgument: several ids begin so.</summary>
    internal SandboxEntry? FindEntry(string idOrPrefix)
    {
        if (idOrPrefix.Length == 0) throw RuntimeFault.InvalidArgument("failed to find pod sandbox: pod_sandbox_id is empty");
        if (_byId.TryGetValue(idOrPrefix, out var exact)) return exact;
        var matches = _byId.Values.Where(e => e.Id.StartsWith(idOrPrefix, StringComparison.Ordinal)).Take(2).ToList();
        return matches.Count switch
        {
            0 => null,
            1 => matches[0],
            _ => throw RuntimeFault.InvalidArgument($"failed to find pod sandbox: several ids begin with pod_sandbox_id '{idOrPrefix}'; give more digits"),
        };
    }

    internal IEnumerable<SandboxEntry> Entries() => _byId.Select(p => p.Value);

    internal void Add(SandboxEntry entry)
    {
        if (!_byId.TryAdd(entry.Id, entry)) throw new InvalidOperationException($"pod sandbox '{entry.Id}' is in the store already");
    }

    internal void Remove(string id) => _byId.TryRemove(id, out _);
}
