using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Sandboxes;

/// <content>PodSandboxStatus and ListPodSandbox: snapshots, no lock.</content>
public sealed partial class SandboxService
{
    public PodSandboxStatusResponse Status(PodSandboxStatusRequest request)
    {
        var sandbox = _store.Find(request.PodSandboxId)
            ?? throw RuntimeFault.NotFound($"failed to get status of pod sandbox '{request.PodSandboxId}': there is no such pod sandbox");
        var response = new PodSandboxStatusResponse
        {
            Status = SandboxViews.ToStatus(sandbox),
            Timestamp = UnixTime.Nanos(_parts.Time.GetUtcNow()),
        };
        response.ContainersStatuses.AddRange(_parts.Containers().StatusesOf(sandbox.Id));
        if (request.Verbose) response.Info["info"] = SandboxInfo.Json(sandbox, ReadAttachment(sandbox.Id));
        return response;
    }

    public IReadOnlyList<PodSandbox> List(PodSandboxFilter? filter) =>
        [.. _store.List().Where(s => Matches(s, filter)).OrderByDescending(s => s.CreatedAtNanos).Select(SandboxViews.ToListed)];

    /// <summary>Id prefix, state and labels; all that are given must hold.</summary>
    private static bool Matches(Sandbox sandbox, PodSandboxFilter? filter)
    {
        if (filter is null) return true;
        if (!sandbox.Id.StartsWith(filter.Id, StringComparison.Ordinal)) return false;
        if (filter.State is { } state && state.State != SandboxViews.ToState(sandbox)) return false;
        return filter.LabelSelector.All(l => sandbox.Config.Labels.TryGetValue(l.Key, out var value) && value == l.Value);
    }

    private Networking.CniAttachment? ReadAttachment(string id)
    {
        try
        {
            return _files.ReadNetwork(id);
        }
        catch (Exception e) when (e is IOException or System.Text.Json.JsonException)
        {
            return null; // released this very moment, or torn: verbose information only
        }
    }
}
