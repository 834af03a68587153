using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;

namespace ShimRuntime.Runtime.Sandboxes;

/// <content>
/// UpdatePodSandboxResources. kubelet calls it before it writes the pod's cgroup itself, and takes any error but Unimplemented for a
/// refusal of the resize: so a pod cgroup of kubelet's is not even looked at, and only numbers that make no sense are refused.
/// </content>
public sealed partial class SandboxService
{
    public async Task UpdateAsync(UpdatePodSandboxResourcesRequest request, CancellationToken client)
    {
        var entry = _store.FindEntry(request.PodSandboxId)
            ?? throw RuntimeFault.NotFound($"failed to update pod sandbox: there is no '{request.PodSandboxId}'");
        foreach (var (field, asked) in new[] { ("overhead", request.Overhead), ("resources", request.Resources) })
        {
            if (asked is not null) ResourceTranslator.Validate(asked, _parts.Facts, $"failed to update pod sandbox '{entry.Id}': {field}");
        }

        await using ((await entry.Gate.EnterAsync(client).ConfigureAwait(false)).ConfigureAwait(false))
        {
            var sandbox = entry.Current;
            if (sandbox.Phase != SandboxPhase.Ready)
                throw RuntimeFault.FailedPrecondition($"failed to update pod sandbox '{entry.Id}': it is {sandbox.Phase}, not Ready");
            var updated = sandbox with
            {
                Overhead = request.Overhead?.Clone() ?? sandbox.Overhead,
                Resources = request.Resources?.Clone() ?? sandbox.Resources,
            };
            if (updated.OwnsCgroup) await _builder.LimitAsync(updated, _parts.Stopping).ConfigureAwait(false);
            _files.Write(SandboxShape.ToRecord(updated));
            entry.Update(_ => updated);
        }
    }
}
