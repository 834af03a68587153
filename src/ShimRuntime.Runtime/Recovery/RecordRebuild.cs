using System.Globalization;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Swap;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Recovery;

/// <summary>
/// record.json of one container is torn: a record made anew from what others wrote of it, so that a disk's fault ends no container.
/// <code>
///   request.pb    name, pod, image, log path, stop signal        shim.json     shim, generation, init, state
///   config.json   user, oom_score_adj, rootfs                    Hello         limits in force
///   swap.json     image, last generation
/// </code>
/// Only where a shim has spoken or an exit is recorded: else its create had not got far, or its removal had. What becomes of the container
/// is then decided by the recovery table, as for any other.
/// </summary>
internal sealed class RecordRebuild(ContainerParts parts)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private readonly ILogger _log = parts.Logs.CreateLogger<RecordRebuild>();

    /// <summary>Null: it can't be, or is not worth it. The new record is on disk when this returns, the torn one aside.</summary>
    public async Task<(ContainerRecord Record, CreateContainerRequest Request)?> TryAsync(string id, CancellationToken cancellation)
    {
        if (TryReadRequest(id) is not { Config.Metadata: not null } request) return null;
        if (parts.Sandboxes.Find(request.PodSandboxId) is not { } sandbox) return null;
        var said = ShimFile.TryRead(parts.Files.Paths.ShimRecord(id)) is { } shim && shim.ContainerId == id ? shim : null;
        if (said is null && ExitFile.TryRead(parts.Files.Paths.Exit(id)) is null) return null;

        var record = FromRequest(id, request, sandbox);
        if (said is not null) record = Adoption.AsLastSaidBy(said, record) with { ShimPid = said.ShimPid, ShimStartTicks = said.ShimStartTicks };
        record = WithProcess(WithSwaps(record));
        if (said is not null && await AskAsync(id, cancellation).ConfigureAwait(false) is { Resources: { } inForce })
            record = record with { Resources = ResourcesRecord.From(InForce(record, inForce)) };
        var aside = parts.Files.MoveRecordAside(id);
        parts.Files.Write(record);
        _log.LogError("container {Id}: its record could not be read and is now in {Aside}; it was made anew from what its shim says", id, aside);
        return (record, request);
    }

    private CreateContainerRequest? TryReadRequest(string id)
    {
        try
        {
            return CreateContainerRequest.Parser.ParseFrom(File.ReadAllBytes(parts.Files.Paths.Request(id)));
        }
        catch (Exception e) when (e is IOException or InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private ContainerRecord FromRequest(string id, CreateContainerRequest request, Sandbox sandbox)
    {
        var asked = request.Config.Image?.Image ?? "";
        var image = parts.Images.Find(asked);
        return NewRecord.Of(id, sandbox, request.Config, image?.Id ?? asked) with
        {
            // Past its create, or no shim would have been spawned; what the shim says wins.
            Phase = ContainerPhase.Created,
            // request.pb is written once, just before the first record.
            CreatedAtNanos = UnixTime.Nanos(File.GetLastWriteTimeUtc(parts.Files.Paths.Request(id))),
            StopSignal = StopSignals.Choose(request.Config.StopSignal, image?.Config.StopSignal),
            Resources = ResourcesRecord.From(request.Config.Linux?.Resources),
        };
    }

    /// <summary>
    /// Which layer a swapped container has its root.path tells, which image swap.json. What a patch had changed is lost to later swaps, not to
    /// what runs; a swap under way is not followed, and what it leaves goes with the container.
    /// </summary>
    private ContainerRecord WithSwaps(ContainerRecord record)
    {
        if (SwapFile.TryRead(parts.Files.Paths.SwapRecord(record.Id)) is not { } journal) return record;
        var last = journal.History.Count == 0 ? record.Generation : journal.History.Max(g => g.Number);
        var image = journal.History.FirstOrDefault(g => g.Number == record.Generation)?.ImageId ?? record.ImageId;
        var rootfs = parts.Bundles.TryReadConfig(record)?.Root.Path ?? "";
        var made = uint.TryParse(rootfs[(rootfs.LastIndexOf('-') + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 1;
        return record with
        {
            ImageId = image,
            LastGeneration = Math.Max(last, Math.Max(record.Generation, journal.Swap.Target)),
            RootfsGeneration = made,
            SnapshotKey = made == 1 ? record.Id : SnapshotKeys.OfSwap(record.Id, made),
        };
    }

    private ContainerRecord WithProcess(ContainerRecord record)
    {
        if (parts.Bundles.TryReadConfig(record)?.Process is not { } process) return record;
        return record with
        {
            User = UserRecord.From(UserResolver.ToStatus(process.User)),
            Resources = record.Resources with { OomScoreAdj = process.OomScoreAdj ?? record.Resources.OomScoreAdj },
        };
    }

    private static LinuxContainerResources InForce(ContainerRecord record, Resources inForce) =>
        ResourceTranslator.Merge(record.Resources.ToCri(), ResourceTranslator.FromShim(inForce));

    /// <summary>Null: silent or dead. What was asked for at its create is then the best that is known.</summary>
    private async Task<HelloResponse?> AskAsync(string id, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience);
        try
        {
            var client = await ShimClient.ConnectAsync(parts.Files.Paths.Socket(id), deadline.Token).ConfigureAwait(false);
            await using (client.ConfigureAwait(false)) return await client.HelloAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ShimFault || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return null;
        }
    }
}
