using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Recovery;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>Every id that something of ours names: records, what shims have written, the ledger, names in directories of ours, records that were put aside.</summary>
internal sealed class ClaimReader(ContainerParts parts, SandboxFiles sandboxes)
{
    private const string AsideContainer = "container-", AsideSandbox = "sandbox-";
    private const int IdDigits = 64, Id16Digits = 16;

    public IReadOnlyCollection<Claim> Containers()
    {
        var paths = parts.Files.Paths;
        var claims = new Set(ClaimKind.Container);
        foreach (var id in parts.Files.Ids()) claims.Add(id, paths.Durable(id));
        foreach (var run in Names(paths.AllVolatile))
        {
            var said = Path.Combine(paths.AllVolatile, run, "shim.json");
            if (ShimFile.TryRead(said) is { } shim && ContainerId.IsValid(shim.ContainerId) && ContainerPaths.Id16(shim.ContainerId) == run) claims.Add(shim.ContainerId, said);
        }

        AddLedger(claims);
        foreach (var state in Names(paths.RuncRoot))
        {
            if (SnapshotKeys.OwnerOf(state) is { } id) claims.Add(id, Path.Combine(paths.RuncRoot, state));
        }

        foreach (var key in parts.Snapshots.Keys())
        {
            if (SnapshotKeys.OwnerOf(key) is { } id) claims.Add(id, $"the snapshot.json of writable layer {key}");
        }

        AddAside(claims, paths.Aside, AsideContainer);
        var known = claims.All.Select(c => ContainerPaths.Id16(c.Id)).ToHashSet(StringComparer.Ordinal);
        foreach (var run in Names(paths.AllVolatile).Where(n => n.Length == Id16Digits && n.All(char.IsAsciiHexDigitLower) && !known.Contains(n)))
            claims.Add(run, Path.Combine(paths.AllVolatile, run));
        return claims.All;
    }

    public IReadOnlyCollection<Claim> Sandboxes()
    {
        var claims = new Set(ClaimKind.Sandbox);
        foreach (var id in sandboxes.Ids()) claims.Add(id, sandboxes.Paths.Durable(id));
        AddLedger(claims);
        foreach (var id in Names(sandboxes.Paths.AllVolatile).Where(SandboxId.IsValid)) claims.Add(id, sandboxes.Paths.Volatile(id));
        AddAside(claims, sandboxes.Paths.Aside, AsideSandbox);
        return claims.All;
    }

    private void AddLedger(Set claims)
    {
        foreach (var claim in parts.Ledger?.Read() ?? []) claims.Add(claim);
    }

    /// <summary>A torn record names nothing but its id, by its file's name.</summary>
    private static void AddAside(Set claims, string directory, string prefix)
    {
        if (!Directory.Exists(directory)) return;
        foreach (var entry in Directory.EnumerateFileSystemEntries(directory, prefix + "*"))
        {
            var name = Path.GetFileName(entry)[prefix.Length..];
            if (name.Length > IdDigits && ContainerId.IsValid(name[..IdDigits])) claims.Add(name[..IdDigits], entry);
        }
    }

    private static IEnumerable<string> Names(string directory) =>
        Directory.Exists(directory) ? Directory.EnumerateDirectories(directory).Select(d => Path.GetFileName(d)) : [];

    /// <summary>By id; who names it first is told, the cgroup comes from whoever knows it.</summary>
    private sealed class Set(ClaimKind kind)
    {
        private readonly Dictionary<string, Claim> _byId = new(StringComparer.Ordinal);

        public IReadOnlyCollection<Claim> All => _byId.Values;

        public void Add(string id, string namedBy) => Add(new Claim(kind, id, namedBy));

        public void Add(Claim claim)
        {
            if (claim.Kind != kind) return;
            if (!_byId.TryAdd(claim.Id, claim) && claim.Cgroup is not null)
                _byId[claim.Id] = _byId[claim.Id] with { Cgroup = claim.Cgroup, OwnsCgroup = claim.OwnsCgroup };
        }
    }
}
