using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>
/// Ids that somebody answers for at one moment. An id is owned from before the first thing is made under it until after the last is gone, and
/// is never given out twice: so what was seen under an id that is not owned afterwards, and is still there after that, is an orphan, and
/// stays one.
/// </summary>
internal sealed class Owners
{
    private readonly HashSet<string> _containers;
    private readonly HashSet<string> _id16s;
    private readonly IReadOnlySet<string> _sandboxes;

    internal Owners(IEnumerable<string> containers, IReadOnlySet<string> sandboxes)
    {
        _containers = containers.ToHashSet(StringComparer.Ordinal);
        _id16s = _containers.Select(ContainerPaths.Id16).ToHashSet(StringComparer.Ordinal);
        _sandboxes = sandboxes;
    }

    /// <summary>Of a daemon that serves: its memory. Names are taken before, and given up after, all else.</summary>
    public static Owners Serving(ContainerParts parts, SandboxService sandboxes) =>
        new(parts.Store.Snapshot().Select(e => e.Id).Concat(parts.Names.Ids()), sandboxes.OwnedIds());

    /// <summary>While none serves: every record, whatever it says, is the next one's to judge.</summary>
    public static Owners Recorded(ContainerParts parts, SandboxService sandboxes) =>
        new(parts.Files.Ids(), sandboxes.Files.Ids().ToHashSet(StringComparer.Ordinal));

    public bool Has(Claim claim) => claim.Kind == ClaimKind.Sandbox ? _sandboxes.Contains(claim.Id) : _containers.Contains(claim.Id) || HasRun(claim.Id);

    /// <summary>Run directories are named by the first 16 digits.</summary>
    public bool HasRun(string id) => _id16s.Contains(ContainerPaths.Id16(id));

    public bool HasSandbox(string id) => _sandboxes.Contains(id);
}
