using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.ShimProtocol.V1;
using SwapRequest = ShimRuntime.ShimProtocol.V1.SwapRequest;

namespace ShimRuntime.Runtime.Swap;

/// <summary>
/// What the daemon makes for a swap before the shim is told: the next generation's writable layer and mount, and two bundles, one for it and
/// one for the way back, so that the shim needs no daemon from then on. Everything decidable without running is decided here.
/// </summary>
internal sealed class SwapPreparation(ContainerParts parts)
{
    /// <summary>Where the container sees the directory of <see cref="ContainerPaths.Notify"/>, and the socket in it.</summary>
    private const string NotifyDirectory = "/run/shimruntime";
    private const string NotifyVariable = "NOTIFY_SOCKET=";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Traverse = OwnerOnly | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
    private readonly SwapImageChoice _images = new(parts.Images);

    /// <summary>Decides what is to be made; changes nothing.</summary>
    /// <exception cref="RuntimeFault">What is wrong with request, image or policy.</exception>
    public (PendingSwap Pending, ImageRecord Image) Plan(ContainerEntry entry, SwapTerms terms, Patch? patch)
    {
        var (record, config) = (entry.Record, entry.Config);
        var old = record.CurrentSource();
        var names = new[] { config.Image.Image, config.Image.UserSpecifiedImage, old.Patch?.Image ?? "" }.Where(n => n.Length > 0);
        var ground = new SwapImageChoice.Ground(record.ImageId, [.. names]);
        var image = _images.Choose(patch?.Image ?? "", ground, parts.Handlers.HotSwapOf(SandboxOf(entry).RuntimeHandler));
        var number = record.LastGeneration + 1;
        var fresh = terms.Rootfs == Rootfs.Fresh || image.Id != record.ImageId;
        if (fresh && terms.Rootfs == Rootfs.Keep)
            throw RuntimeFault.InvalidArgument("failed to swap container: rootfs is KEEP with another image, whose files the writable layer does not fit; give FRESH");
        var next = (old.Patch ?? new PatchRecord()).With(patch);
        return (new PendingSwap
        {
            RequestId = terms.RequestId,
            Old = old,
            Target = new GenerationSource
            {
                Number = number,
                ImageId = image.Id,
                SnapshotKey = fresh ? SnapshotKeys.OfSwap(record.Id, number) : old.SnapshotKey,
                RootfsGeneration = fresh ? number : old.RootfsGeneration,
                Patch = next,
            },
            Fallback = number + 1,
        }, image);
    }

    /// <summary>Makes it; every step is pushed on <paramref name="rollback"/> before it is taken.</summary>
    public async Task<SwapRequest> MakeAsync(ContainerEntry entry, (PendingSwap Pending, ImageRecord Image, SwapTerms Terms) swap, Rollback rollback, CancellationToken token)
    {
        var (pending, image, terms) = swap;
        var (id, sandbox) = (entry.Id, SandboxOf(entry));
        var handler = await parts.Handlers.RequireAsync(sandbox.RuntimeHandler, "failed to swap container", token).ConfigureAwait(false);
        rollback.Push("take away what the swap made", t => new ValueTask(RemoveAsync(id, pending, t)));
        var mounted = ImageVolumeMounts.Find(entry.Config, parts.Images);
        if (pending.MakesRootfs)
        {
            var snapshot = await parts.Snapshots.PrepareAsync(pending.Target.SnapshotKey, image, mounted.Images, token).ConfigureAwait(false);
            Directory.CreateDirectory(parts.Files.Paths.Rootfs(id, pending.Target.Number), Traverse);
            new PodLayers(sandbox, parts.Files.Paths.Layers(id)).MountRootfs(snapshot, parts.Files.Paths.Rootfs(id, pending.Target.Number));
        }

        var around = new BundleWriter.Surroundings(
            handler.Features, PidTarget.Of(entry, parts.Store, "swap"), mounted.Made(parts.Files.Paths.Mounts(id)));
        var sockets = await HoldAsync(entry, terms.Level, token).ConfigureAwait(false);
        var bundle = parts.Bundles.Decide(entry, sandbox, image.Config, (pending.Target, around));
        var present = parts.Bundles.ReadConfig(entry.Record);
        var target = SameSecurity(bundle.Spec, present, pending);
        if (terms.Ready.Kind == Readiness.Types.Kind.Notify) target = WithNotify(target, parts.Files.Paths.Notify(id, pending.Target.Number));
        foreach (var number in (ReadOnlySpan<uint>)[pending.Target.Number, pending.Fallback])
            Directory.CreateDirectory(parts.Files.Paths.Bundle(id, number), OwnerOnly);
        Directory.CreateDirectory(parts.Files.Paths.Notify(id, pending.Target.Number), Traverse);
        target = sockets.Into(target, id, parts.Files.Paths.FilterSocket(id, pending.Target.Number));
        parts.Bundles.Write(id, pending.Target.Number, target);
        var fallback = Renumbered(present, entry.Record, pending.Fallback);
        parts.Bundles.Write(id, pending.Fallback, sockets.Into(fallback, id, parts.Files.Paths.FilterSocket(id, pending.Fallback)));
        var request = SwapMessages.ToShim(entry.Record, (pending, terms), target, sandbox);
        request.Sockets = sockets.Count;
        return request;
    }

    private async Task<SocketHandover> HoldAsync(ContainerEntry entry, Level level, CancellationToken token)
    {
        var held = new HoldSocketsResponse();
        if (level != Level.L0)
        {
            var shim = entry.Shim ?? throw RuntimeFault.FailedPrecondition($"failed to swap container '{entry.Id}': its shim is gone");
            held = await shim.HoldSocketsAsync(false, token).ConfigureAwait(false);
        }

        var handover = new SocketHandover(level, held, parts.Bundles.Architecture);
        handover.Check(entry.Id);
        return handover;
    }

    /// <summary>What a swap made and nobody uses: id-mapped copies of volumes, the target's layer, mount and bundles. Each step may find its work done.</summary>
    public async Task RemoveAsync(string id, PendingSwap pending, CancellationToken token)
    {
        parts.Leftovers.ReleaseStages(id);
        RemoveBundle(id, pending.Target.Number);
        RemoveBundle(id, pending.Fallback);
        if (pending.MakesRootfs) await RemoveRootfsAsync(id, pending.Target, token).ConfigureAwait(false);
    }

    /// <summary>Unmounts the rootfs that a generation had for itself, and deletes its writable layer.</summary>
    public async Task RemoveRootfsAsync(string id, GenerationSource source, CancellationToken token)
    {
        var rootfs = parts.Files.Paths.Rootfs(id, source.RootfsGeneration);
        if (Directory.Exists(rootfs))
        {
            MountPoint.UnmountBelow(rootfs);
            Directory.Delete(rootfs);
        }

        await parts.Snapshots.RemoveAsync(source.SnapshotKey, token).ConfigureAwait(false);
    }

    public void RemoveBundle(string id, uint generation)
    {
        var bundle = parts.Files.Paths.Bundle(id, generation);
        if (Directory.Exists(bundle)) Directory.Delete(bundle, true);
    }

    private Sandbox SandboxOf(ContainerEntry entry) => parts.Sandboxes.Find(entry.Record.SandboxId)
        ?? throw RuntimeFault.FailedPrecondition($"failed to swap container '{entry.Id}': its pod sandbox is gone");

    /// <summary>
    /// The user is the container's, whatever the image or a changed /etc/passwd would make of it: a swap is no way to another one. (All else of
    /// the security context comes from the request, which a patch can't reach.)
    /// </summary>
    private static RuntimeSpec SameSecurity(RuntimeSpec target, RuntimeSpec present, PendingSwap pending)
    {
        var (then, now) = (present.Process.User, target.Process.User);
        if (pending.Target.ImageId != pending.Old.ImageId && (now.Uid, now.Gid) != (then.Uid, then.Gid))
        {
            throw RuntimeFault.FailedPrecondition($"failed to swap container: image '{pending.Target.ImageId}' would run as {now.Uid}:{now.Gid} instead of "
                + $"{then.Uid}:{then.Gid}, and a swap does not change the security context");
        }

        return target with { Process = target.Process with { User = then } };
    }

    private static RuntimeSpec WithNotify(RuntimeSpec spec, string directory)
    {
        var mount = new MountSpec { Destination = NotifyDirectory, Type = "bind", Source = directory, Options = ["bind", "nosuid", "nodev", "noexec"] };
        var env = spec.Process.Env.Where(v => !v.StartsWith(NotifyVariable, StringComparison.Ordinal)).Append($"{NotifyVariable}{NotifyDirectory}/s");
        return spec with { Mounts = [.. spec.Mounts ?? [], mount], Process = spec.Process with { Env = [.. env] } };
    }

    /// <summary>The spec that runs, for a leaf of another number. Its words of readiness are of no interest any more.</summary>
    private static RuntimeSpec Renumbered(RuntimeSpec present, ContainerRecord record, uint number)
    {
        var leaf = CgroupNames.Leaf(record.ContainerCgroup, number, record.Id);
        var annotations = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in present.Annotations ?? new Dictionary<string, string>()) annotations[key] = value;
        annotations[AnnotationList.Generation] = $"{number}";
        annotations.Remove("org.criu.config"); // it comes back from its image, not from a checkpoint
        return present with
        {
            Annotations = annotations,
            Linux = present.Linux with { CgroupsPath = CgroupNames.OciPath(leaf) },
            Mounts = [.. (present.Mounts ?? []).Where(m => m.Destination != NotifyDirectory)],
            Process = present.Process with { Env = [.. present.Process.Env.Where(v => !v.StartsWith($"{NotifyVariable}{NotifyDirectory}/", StringComparison.Ordinal))] },
        };
    }
}
