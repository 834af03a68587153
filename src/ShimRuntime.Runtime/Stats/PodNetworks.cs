using ShimRuntime.Linux;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Stats;

/// <summary>
/// Interface counters of some pods, read when they are made: one thread enters one network namespace after the other, and ends. A pod on
/// the host's network has none of its own: the node's traffic is not the pod's.
/// </summary>
internal sealed class PodNetworks
{
    private const string Loopback = "lo";
    private readonly Dictionary<string, IReadOnlyList<InterfaceCounters>> _byPod = new(StringComparer.Ordinal);

    public PodNetworks(IReadOnlyList<Sandbox> sandboxes)
    {
        var networked = sandboxes.Where(s => s.NetworkNamespace is not null && s.Phase == SandboxPhase.Ready).ToList();
        if (networked.Count == 0) return;
        var counters = NetworkInterfaces.Read(networked.ConvertAll(s => s.NetworkNamespace!));
        for (var i = 0; i < networked.Count; i++) _byPod[networked[i].Id] = [.. counters[i].Where(c => c.Name != Loopback)];
    }

    /// <summary>Without loopback; null: no network of its own.</summary>
    public IReadOnlyList<InterfaceCounters>? Of(Sandbox sandbox) => _byPod.GetValueOrDefault(sandbox.Id);
}
