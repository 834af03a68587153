using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>
/// CheckpointPod and RestorePod (KEP-5823): containers of one pod as they were at one moment, and a new pod with containers that begin there.
/// The caller's deadline bounds both, there is no other.
/// </summary>
internal sealed class PodCheckpointService(ContainerParts parts, ISandboxService sandboxes, CreateVerb create) : IPodCheckpointService
{
    private static readonly TimeSpan ToUndo = TimeSpan.FromMinutes(1);

    public async Task CheckpointAsync(CheckpointPodRequest request, CancellationToken client)
    {
        var sandbox = parts.Sandboxes.Find(request.PodSandboxId)
            ?? throw RuntimeFault.NotFound($"failed to checkpoint pod: there is no pod sandbox '{ContainerPath.Show(request.PodSandboxId)}'");
        var failure = $"failed to checkpoint pod '{sandbox.Id}'";
        CheckOptions(request.Options, failure);
        var target = CheckpointTarget.Of(("output_path", PodArchive.FileIn(request.OutputPath)), 0, failure);
        var containers = Select(request, sandbox.Id, failure);
        CheckpointVerb.RefuseUserNamespace(sandbox.UserNamespace is not null, failure);
        await parts.Handlers.RequireRuncAsync(sandbox.RuntimeHandler, failure, client).ConfigureAwait(false);
        await parts.Criu.RequireAsync(failure, client).ConfigureAwait(false);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(client, parts.Stopping);
        var documents = new Dictionary<string, byte[]> { [PodArchive.PodDump] = PodArchive.Dump(sandbox, containers) };
        await new CheckpointRun(parts, target)
            .RunAsync([.. containers.Select(e => (e, PodArchive.Prefix(e.Config.Metadata.Name)))], documents, either.Token).ConfigureAwait(false);
    }

    public async Task<RestorePodResponse> RestoreAsync(RestorePodRequest request, CancellationToken client)
    {
        const string Failure = "failed to restore pod";
        if (request.Config is null) throw RuntimeFault.InvalidArgument($"{Failure}: the request has no config");
        CheckOptions(request.Options, Failure);
        CheckpointVerb.RefuseUserNamespace(UserNamespaces.IsAsked(request.Config), Failure);
        // RunPodSandbox would join it, and a failure here would then take it away.
        if (parts.Sandboxes.List().FirstOrDefault(s => s.Config.Metadata.Equals(request.Config.Metadata)) is { } there)
        {
            throw new RuntimeFault(FaultCode.AlreadyExists,
                $"{Failure}: pod sandbox '{there.Id}' has this metadata; remove it, or raise the attempt");
        }

        var (source, terms) = (("checkpoint_path", PodArchive.FileIn(request.CheckpointPath)), (parts.Files, parts.Options.RestoreUnsealed));
        using var archive = await RestoreArchive.OpenAsync(source, Failure, terms, client).ConfigureAwait(false);
        CheckNames(PodArchive.Names(archive.DirectoryPath, Failure), request, Failure);
        await parts.Criu.RequireAsync(Failure, client).ConfigureAwait(false);
        var run = new RunPodSandboxRequest { Config = request.Config, RuntimeHandler = request.RuntimeHandler };
        var response = new RestorePodResponse { PodSandboxId = await sandboxes.RunAsync(run, client).ConfigureAwait(false) };
        try
        {
            foreach (var config in request.ContainerConfigs)
            {
                var asked = new CreateContainerRequest { PodSandboxId = response.PodSandboxId, Config = config, SandboxConfig = request.Config };
                var part = Path.Combine(archive.DirectoryPath, PodArchive.Prefix(config.Metadata.Name));
                var id = await create.RestoreAsync(asked, part, client).ConfigureAwait(false);
                response.RestoredContainers.Add(new RestoredContainer { Name = config.Metadata.Name, ContainerId = id });
            }

            return response;
        }
        catch
        {
            await RemoveAsync(response.PodSandboxId).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A pod of which a part could not be made is nothing that anybody asked for.</summary>
    private async Task RemoveAsync(string id)
    {
        using var undo = CancellationTokenSource.CreateLinkedTokenSource(parts.Stopping);
        undo.CancelAfter(ToUndo);
        await sandboxes.StopAsync(id, undo.Token).ConfigureAwait(false);
        await sandboxes.RemoveAsync(id, undo.Token).ConfigureAwait(false);
    }

    private List<ContainerEntry> Select(CheckpointPodRequest request, string sandboxId, string failure)
    {
        var all = parts.Store.OfSandbox(sandboxId);
        var chosen = request.ContainerIds.Count == 0
            ? all.Where(e => e.Record.Phase == ContainerPhase.Running).ToList()
            : request.ContainerIds.Select(id => parts.Store.Get(id, "checkpoint")).Distinct().ToList();
        if (chosen.Count == 0) throw RuntimeFault.FailedPrecondition($"{failure}: no container of it is running");
        foreach (var entry in chosen)
        {
            if (entry.Record.SandboxId != sandboxId)
                throw RuntimeFault.InvalidArgument($"{failure}: container_ids: container '{entry.Id}' is another pod's");
            CheckpointVerb.CheckRuns(entry, failure);
            if (!PodArchive.IsName(entry.Config.Metadata.Name))
            {
                throw RuntimeFault.FailedPrecondition(
                    $"{failure}: '{ContainerPath.Show(entry.Config.Metadata.Name)}' is no name that an archive can have");
            }
        }

        if (chosen.Select(e => e.Config.Metadata.Name).Distinct().Count() != chosen.Count)
            throw RuntimeFault.FailedPrecondition($"{failure}: two of its running containers have one name; name those to keep in container_ids");
        return chosen;
    }

    private static void CheckNames(IReadOnlyList<string> archived, RestorePodRequest request, string failure)
    {
        var asked = request.ContainerConfigs.Select(c => c.Metadata?.Name ?? "").ToList();
        if (asked.Distinct().Count() != asked.Count) throw RuntimeFault.InvalidArgument($"{failure}: container_configs has one name twice");
        if (asked.Except(archived).FirstOrDefault() is { } unknown)
            throw RuntimeFault.InvalidArgument($"{failure}: container_configs: the checkpoint has no container '{ContainerPath.Show(unknown)}'");
        if (archived.Except(asked).FirstOrDefault() is { } missing)
            throw RuntimeFault.InvalidArgument($"{failure}: container_configs says nothing of the checkpoint's container '{missing}'");
    }

    private static void CheckOptions(IDictionary<string, string> options, string failure)
    {
        if (options.Count == 0) return;
        throw RuntimeFault.InvalidArgument(
            $"{failure}: options: there is no option '{ContainerPath.Show(options.Keys.First())}'; this runtime has none");
    }
}
