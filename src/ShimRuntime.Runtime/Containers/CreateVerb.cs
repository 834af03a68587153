using Microsoft.Extensions.Logging;
using ShimRuntime.Cri.V1;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Checkpoints;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.Runtime.Swap;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// CreateContainer: everything decidable without running is decided here.
/// <code>
///   1 validate, find sandbox and image        nothing written yet
///   2 record Creating + request.pb            names what is about to exist
///   3 writable layer, 4 overlay mount         of a checkpoint: with its files in it; undone by: Leftovers.RemoveAsync; meanwhile a shim starts, if
///                                             none waits
///   5 the bundle decided                      users and groups are looked up in the mounted rootfs
///   6 shim told, and meanwhile config.json    undone by: shut it down, before 3 and 4 are
///   7 record Created
/// </code>
/// A shim is told nothing before all is decided: what it makes first, cgroups and the log, a bad request must not make. Durable is what is
/// written here only with StartContainer (decision 50).
/// When an undo step fails the record stays Creating, and recovery finishes the undo.
/// </summary>
internal sealed class CreateVerb(ContainerParts parts, BundleWriter bundles)
{
    private const string Failure = "failed to create container";
    private static readonly TimeSpan ToBeSeenGone = TimeSpan.FromSeconds(1);
    private readonly ILogger _log = parts.Logs.CreateLogger<CreateVerb>();

    public Task<string> RunAsync(CreateContainerRequest request, CancellationToken client) => RunAsync(request, null, client);

    /// <summary>The same from an unpacked part of a pod's checkpoint, which has to be of the request's image.</summary>
    public Task<string> RestoreAsync(CreateContainerRequest request, string part, CancellationToken client) => RunAsync(request, part, client);

    private async Task<string> RunAsync(CreateContainerRequest request, string? part, CancellationToken client)
    {
        CreateChecks.Check(request);
        var sandbox = FindSandbox(request.PodSandboxId);
        var name = ContainerId.Name(request.Config.Metadata, sandbox.Config.Metadata);
        var frozen = request.Clone();
        return await parts.Creates.RunAsync(name, frozen, (claim, token) => CreateAsync(claim, (sandbox.Id, part), token), client)
            .ConfigureAwait(false);
    }

    private Sandbox FindSandbox(string id)
    {
        var sandbox = parts.Sandboxes.Find(id)
            ?? throw RuntimeFault.NotFound($"failed to create container: there is no pod sandbox '{id}'; run one first");
        return sandbox.Phase == SandboxPhase.Ready ? sandbox : throw RuntimeFault.FailedPrecondition(
            $"failed to create container: pod sandbox '{sandbox.Id}' is {sandbox.Phase}, not Ready; run a new pod");
    }

    private async Task CreateAsync(ContainerNames.Claim claim, (string SandboxId, string? Part) from, CancellationToken token)
    {
        var sandbox = FindSandbox(from.SandboxId);
        var asked = claim.Request.Config.Image;
        using var archive = from.Part is null ? await OpenArchiveAsync(asked, token).ConfigureAwait(false) : null;
        var source = (from.Part ?? archive?.DirectoryPath) is { } directory ? RestoreSource.Read(directory, Failure) : null;
        if (source is not null)
        {
            CheckpointVerb.RefuseUserNamespace(sandbox.UserNamespace is not null, Failure);
            await parts.Handlers.RequireRuncAsync(sandbox.RuntimeHandler, Failure, token).ConfigureAwait(false);
            await parts.Criu.RequireAsync(Failure, token).ConfigureAwait(false);
        }

        var image = source is null ? FindImage(asked) : FindImage(source);
        if (from.Part is not null && FindImage(asked).Id != image.Id)
            throw RuntimeFault.InvalidArgument($"{Failure}: config.image is not the image '{image.Id}' that the checkpoint is of");
        var mounted = ImageVolumeMounts.Find(claim.Request.Config, parts.Images);
        await CreateAsync(claim, sandbox, new Sources(image, mounted, source), token).ConfigureAwait(false);
    }

    private async Task CreateAsync(ContainerNames.Claim claim, Sandbox sandbox, Sources sources, CancellationToken token)
    {
        var optIn = SwapAnnotations.Read(sandbox.Config.Annotations, claim.Request.Config.Metadata.Name, parts.Handlers.HotSwapOf(sandbox.RuntimeHandler));
        var record = NewRecord.Of(claim.Id, sandbox, claim.Request.Config, sources.Image.Id, optIn);
        LogPaths.MakeDirectory(record.LogPath, sandbox.Config.LogDirectory);
        var entry = new ContainerEntry(record, claim.Request);

        var rollback = new Rollback((step, e) => _log.LogError(e, "container {Id}: undo of its create: {Step} failed", record.Id, step));
        try
        {
            await using (rollback.ConfigureAwait(false))
            {
                await BuildAsync(entry, sandbox, sources, rollback, token).ConfigureAwait(false);
                rollback.Commit();
            }
        }
        catch (Exception e)
        {
            if (rollback.Clean) Forget(record.Id);
            // A full disk, a mount that the kernel refuses: the operator's to mend, so the sentence has to reach him.
            if (e is not (IOException or UnauthorizedAccessException)) throw;
            throw RuntimeFault.Internal($"failed to create container '{record.Id}': {e.Message}", e);
        }

        _log.LogInformation("container {Id} created: {Name} of {What} {Image}", record.Id, claim.Name,
            sources.Restored is null ? "image" : "a checkpoint over image", sources.Image.Id);
    }

    private async Task BuildAsync(ContainerEntry entry, Sandbox sandbox, Sources sources, Rollback rollback, CancellationToken token)
    {
        var id = entry.Id;
        parts.Ledger?.NoteContainer(id, entry.Record.ContainerCgroup);
        parts.Files.Create(entry.Record, entry.Request);
        parts.Store.Add(entry);
        var handler = await parts.Handlers.RequireAsync(sandbox.RuntimeHandler, "failed to create container", token).ConfigureAwait(false);
        // The entry is listed now, so a pod that stops after this look waits for this create; one that stopped before it is seen here.
        FindSandbox(sandbox.Id);

        rollback.Push("take away mount, run directory, writable layer and cgroups", async t =>
            await parts.Leftovers.RemoveAsync(entry.Record, t).ConfigureAwait(false));
        parts.Spawner.Prepare(sandbox.Id);
        var snapshot = await parts.Snapshots.PrepareAsync(entry.Record.SnapshotKey, sources.Image, sources.Mounted.Images, token).ConfigureAwait(false);
        var restore = parts.Files.Paths.Restore(id);
        var place = new RestorePlace(restore, entry.Record.LeafCgroup, sandbox.Hostname);
        if (sources.Restored is not null) await sources.Restored.FillAsync(snapshot, place, token).ConfigureAwait(false);
        MakeRunDirectories(entry.Record, sandbox.Users);
        var layers = new PodLayers(sandbox, parts.Files.Paths.Layers(id));
        layers.MountRootfs(snapshot, parts.Files.Paths.Rootfs(id));

        var bundle = bundles.Decide(entry, sandbox, sources.Image.Config, new BundleWriter.Surroundings(
            handler.Features, PidTarget.Of(entry, parts.Store, "create"), sources.Mounted.Make(snapshot, layers, parts.Files.Paths.Mounts(id))));
        sources.Restored?.Check(bundle.Spec, Failure);
        if (sources.Restored is not null) bundle = BundleWriter.WithCriuSettings(bundle, RestoreSource.Settings(restore));
        var launch = ShimLaunches.Of(entry, sandbox, handler.Options, parts.Files.Paths);
        launch.Resources = bundle.Resources;
        await parts.Cgroups.MakeContainerAsync(entry.Record.ContainerCgroup, bundle.Resources, token).ConfigureAwait(false);
        var shim = await SpawnAsync(entry, launch, bundle, rollback, token).ConfigureAwait(false);
        await using ((await entry.Gate.EnterAsync(token).ConfigureAwait(false)).ConfigureAwait(false))
        {
            entry.Shim = shim;
            entry.Advance(ContainerEvent.Prepared, "create", r => r with
            {
                User = UserRecord.From(bundle.User),
                StopSignal = bundle.StopSignal,
                Resources = ResourcesRecord.From(bundle.ResourcesInForce),
                ShimPid = shim.Process.Pid,
                ShimStartTicks = shim.Process.StartTicks,
            });
        }

        parts.Files.WriteVolatile(entry.Record);
        parts.Supervisor.Watch(entry, shim);
    }

    /// <summary>Shim and config.json at once: neither needs the other.</summary>
    private async Task<RunningShim> SpawnAsync(
        ContainerEntry entry, ShimLaunch launch, Bundle bundle, Rollback rollback, CancellationToken token)
    {
        var spawning = parts.Spawner.SpawnAsync(launch, parts.Files.Paths.Socket(entry.Id), token);
        RunningShim shim;
        try
        {
            bundles.Write(entry.Record, bundle);
        }
        finally
        {
            shim = await spawning.ConfigureAwait(false);
            rollback.Push("end the shim", t => EndAsync(shim, t));
        }

        return await GreetAsync(entry, shim, token).ConfigureAwait(false);
    }

    private async Task<RunningShim> GreetAsync(ContainerEntry entry, RunningShim shim, CancellationToken token)
    {
        try
        {
            var hello = await shim.HelloAsync(token).ConfigureAwait(false);
            if (hello.ContainerId == entry.Id && ShimMethods.IsSpoken(hello.ProtocolVersion)) return shim;
            throw RuntimeFault.Internal($"failed to create container '{entry.Id}': '{parts.Options.ShimPath}' speaks protocol "
                + $"{hello.ProtocolVersion} for container '{hello.ContainerId}', not {ShimMethods.PreviousVersion} or {ShimMethods.ProtocolVersion} for this one; "
                + ShimSentence.Advice);
        }
        catch (ShimFault e)
        {
            await Task.WhenAny(shim.Gone, Task.Delay(ToBeSeenGone, token)).ConfigureAwait(false);
            var cause = shim.Gone.IsCompleted ? "ended before it served" : $"does not answer: {e.Message}";
            // Its log goes with what is undone now.
            var lastWords = ShimSentence.LastWords(parts.Files.Paths.ShimLog(entry.Id));
            throw RuntimeFault.Internal(
                $"failed to create container '{entry.Id}': its shim '{parts.Options.ShimPath}' {cause}{lastWords}; {ShimSentence.Advice}", e);
        }
    }

    private static async ValueTask EndAsync(RunningShim shim, CancellationToken token)
    {
        try
        {
            await shim.ShutdownAsync(true, token).ConfigureAwait(false);
        }
        catch (ShimFault)
        {
            shim.Kill();
        }

        await shim.Gone.WaitAsync(token).ConfigureAwait(false);
        await shim.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Null: it names an image. No image's name begins with a slash.</summary>
    private async Task<RestoreArchive?> OpenArchiveAsync(ImageSpec spec, CancellationToken token)
    {
        if (!spec.Image.StartsWith('/')) return null;
        var terms = (parts.Files, parts.Options.RestoreUnsealed);
        return await RestoreArchive.OpenAsync(("config.image", spec.Image), Failure, terms, token).ConfigureAwait(false);
    }

    private ImageRecord FindImage(RestoreSource source) =>
        source.ImageReferences.Select(TryFind).FirstOrDefault(i => i is not null) ?? throw RuntimeFault.NotFound(
            $"{Failure}: the checkpoint's image '{source.ImageReferences[^1]}' is not on this node; pull it first");

    private ImageRecord? TryFind(string reference)
    {
        try
        {
            return parts.Images.Find(reference);
        }
        catch (RuntimeFault)
        {
            return null; // an archive's words: no name of an image
        }
    }

    private ImageRecord FindImage(ImageSpec? spec)
    {
        var reference = spec?.Image ?? "";
        return parts.Images.Find(reference)
            ?? throw RuntimeFault.NotFound($"failed to create container: image '{reference}' is not on this node; pull it first");
    }

    private void MakeRunDirectories(ContainerRecord record, UserMappings? users)
    {
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        PassableDirectory.Make(parts.Files.Paths.Run(record.Id), users);
        Directory.CreateDirectory(parts.Files.Paths.Rootfs(record.Id), Owner);
        Directory.CreateDirectory(parts.Files.Paths.Bundle(record.Id, record.Generation), Owner);
    }

    /// <summary>What can't be deleted stays in the store as Creating: its pod's removal, or the next start, takes it away.</summary>
    private void Forget(string id)
    {
        try
        {
            parts.Files.Delete(id);
            parts.Store.Remove(id);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.LogError(e, "container {Id}: undo of its create: delete its files failed", id);
        }
    }

    /// <summary>Whose files the container sees.</summary>
    private sealed record Sources(ImageRecord Image, ImageVolumeMounts Mounted, RestoreSource? Restored);
}
