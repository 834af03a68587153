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
            Status = StatusOf(sandbox),
            Timestamp = UnixTime.Nanos(_parts.Time.GetUtcNow()),
        };
        response.ContainersStatuses.AddRange(_parts.Containers().StatusesOf(sandbox.Id));
        if (request.Verbose) response.Info["info"] = SandboxInfo.Json(sandbox, ReadAttachment(sandbox.Id));
        return response;
    }

    public IReadOnlyList<PodSandbox> List(PodSandboxFilter? filter) =>
        [.. _store.List().Where(s => Matches(s, filter)).OrderByDescending(s => s.CreatedAtNanos).Select(Summary)];

    /// <summary>Id prefix, state and labels; all that are given must hold.</summary>
    private static bool Matches(Sandbox sandbox, PodSandboxFilter? filter)
    {
        if (filter is null) return true;
        if (!sandbox.Id.StartsWith(filter.Id, StringComparison.Ordinal)) return false;
        if (filter.State is { } state && state.State != StateOf(sandbox)) return false;
        return filter.LabelSelector.All(l => sandbox.Config.Labels.TryGetValue(l.Key, out var value) && value == l.Value);
    }

    private static PodSandbox Summary(Sandbox sandbox)
    {
        var summary = new PodSandbox
        {
            Id = sandbox.Id,
            Metadata = sandbox.Config.Metadata,
            State = StateOf(sandbox),
            CreatedAt = sandbox.CreatedAtNanos,
            RuntimeHandler = sandbox.RuntimeHandler,
        };
        summary.Labels.Add(sandbox.Config.Labels);
        summary.Annotations.Add(sandbox.Config.Annotations);
        return summary;
    }

    private static PodSandboxStatus StatusOf(Sandbox sandbox)
    {
        var modes = sandbox.Config.Linux?.SecurityContext?.NamespaceOptions?.Clone() ?? new NamespaceOption();
        var status = new PodSandboxStatus
        {
            Id = sandbox.Id,
            Metadata = sandbox.Config.Metadata,
            State = StateOf(sandbox),
            CreatedAt = sandbox.CreatedAtNanos,
            Network = new PodSandboxNetworkStatus { Ip = sandbox.PrimaryIp },
            Linux = new LinuxPodSandboxStatus { Namespaces = new Namespace { Options = modes } },
            RuntimeHandler = sandbox.RuntimeHandler,
        };
        status.Network.AdditionalIps.AddRange(sandbox.Ips.Skip(1).Select(ip => new PodIP { Ip = ip }));
        status.Labels.Add(sandbox.Config.Labels);
        status.Annotations.Add(sandbox.Config.Annotations);
        return status;
    }

    private static PodSandboxState StateOf(Sandbox sandbox) =>
        sandbox.Phase == SandboxPhase.Ready ? PodSandboxState.SandboxReady : PodSandboxState.SandboxNotready;

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
