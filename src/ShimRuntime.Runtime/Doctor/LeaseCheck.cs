using System.Text.Json;
using ShimRuntime.Runtime.Networking;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>Addresses that host-local still keeps for a pod of ours that has gone, or whose network was released: a range runs out of them.</summary>
internal sealed class LeaseCheck(SandboxService sandboxes, PodNetwork network) : ICheck
{
    public IEnumerable<Orphan> Look(Survey survey)
    {
        var claims = survey.Sandboxes.ToDictionary(c => c.Id, StringComparer.Ordinal);
        var directories = network.LeaseDirectories(sandboxes.Files.Ids().Select(TryReadNetwork).OfType<CniAttachment>());
        foreach (var lease in directories.SelectMany(HostLocalLease.Read))
        {
            if (!claims.TryGetValue(lease.ContainerId, out var claim)) continue;
            if (!survey.Owners.Has(claim)) yield return Of(lease, claim, claim, "the pod has gone");
            // Attached pods have a cni.json from before ADD until after DEL.
            else if (!HasNetwork(claim.Id)) yield return Of(lease, null, claim, "the pod is stopped and its network was released");
        }
    }

    private Orphan Of(HostLocalLease lease, Claim? owner, Claim namedBy, string why)
    {
        var finding = new Finding
        {
            Kind = "cni-lease", Subject = lease.Path, Id = lease.ContainerId, NamedBy = namedBy.NamedBy,
            Why = $"address {lease.Address} of network '{lease.Network}' is kept for it: {why}, and the plugin's DEL has not given it back",
            Remedy = "host-local is called with DEL, which deletes the file under its own lock",
        };
        return new Orphan(finding, owner, new Repair($"lease {lease.Path}", Repair.OfFiles, token => ReleaseAsync(lease, owner is null, token)));
    }

    private Task ReleaseAsync(HostLocalLease lease, bool isOwned, CancellationToken cancellation) =>
        isOwned && HasNetwork(lease.ContainerId) ? Task.CompletedTask : network.ReleaseAsync(lease, cancellation);

    private bool HasNetwork(string id) => File.Exists(sandboxes.Files.Paths.Network(id)) || File.Exists(sandboxes.Files.Paths.NetworkResult(id));

    private CniAttachment? TryReadNetwork(string id)
    {
        try
        {
            return sandboxes.Files.ReadNetwork(id);
        }
        catch (Exception e) when (e is IOException or JsonException or InvalidDataException)
        {
            return null;
        }
    }
}
