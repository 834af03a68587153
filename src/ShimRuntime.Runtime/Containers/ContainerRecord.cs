using System.Collections.Immutable;
using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Swap;
using ShimRuntime.Runtime.Swap.Triggers;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// One container's facts, immutable and swapped whole; record.json is its durable form. Times are Unix nanoseconds, 0: not yet.
/// What kubelet asked for is beside it, byte for byte, in request.pb.
/// </summary>
public sealed record ContainerRecord
{
    public const int CurrentSchema = 1;

    public int Schema { get; init; } = CurrentSchema;

    /// <summary>64 hex digits.</summary>
    public required string Id { get; init; }

    public required string SandboxId { get; init; }

    /// <summary>/proc/sys/kernel/random/boot_id at create: processes of another boot are gone.</summary>
    public required string BootId { get; init; }

    /// <summary>name_podname_namespace_uid_attempt: what a retried create is recognised by.</summary>
    public required string Name { get; init; }

    public required ContainerPhase Phase { get; init; }

    public uint Generation { get; init; } = 1;

    public long CreatedAtNanos { get; init; }

    public long StartedAtNanos { get; init; }

    /// <summary>The container init; 0: none.</summary>
    public int Pid { get; init; }

    /// <summary>proc_pid_stat(5), field 22, of <see cref="Pid"/>.</summary>
    public ulong PidStartTicks { get; init; }

    public int ShimPid { get; init; }

    public ulong ShimStartTicks { get; init; }

    /// <summary>Image.id: what ListContainers' image_id says and kubelet's image GC spares.</summary>
    public required string ImageId { get; init; }

    /// <summary>Key of the writable layer.</summary>
    public required string SnapshotKey { get; init; }

    /// <summary>Below every controller's mount; the leaf is inside.</summary>
    public required string ContainerCgroup { get; init; }

    public required string LeafCgroup { get; init; }

    /// <summary>Absolute; empty: output is dropped.</summary>
    public string LogPath { get; init; } = "";

    /// <summary>The number that a stop begins with.</summary>
    public int StopSignal { get; init; } = 15;

    /// <summary>As last asked for and taken by the shim.</summary>
    public ResourcesRecord Resources { get; init; } = new();

    /// <summary>Whom the init runs as.</summary>
    public UserRecord User { get; init; } = new();

    /// <summary>Set once the container has ended.</summary>
    public ContainerExit? Exit { get; init; }

    /// <summary>The highest number that a generation of it has had: none is used twice.</summary>
    public uint LastGeneration { get; init; } = 1;

    /// <summary>The generation whose swap mounted the rootfs that the current one has; 1: the create.</summary>
    public uint RootfsGeneration { get; init; } = 1;

    /// <summary>What swaps have changed beside the image; null: nothing.</summary>
    public PatchRecord? Patch { get; init; }

    /// <summary>What the pod's annotations say of hot swap, frozen at create; null: nothing.</summary>
    public SwapOptIn? SwapOptIn { get; init; }

    /// <summary>What its trigger file has led to; null: it has none.</summary>
    public TriggerRecord? Trigger { get; init; }

    /// <summary>A swap that is under way, or whose way back is open; null: none.</summary>
    public PendingSwap? Swap { get; init; }

    /// <summary>What the current generation is made from.</summary>
    public GenerationSource CurrentSource() => new()
    {
        Number = Generation, ImageId = ImageId, SnapshotKey = SnapshotKey, RootfsGeneration = RootfsGeneration, Patch = Patch,
    };

    /// <summary>With that generation as the current one.</summary>
    public ContainerRecord WithSource(GenerationSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return this with
        {
            Generation = source.Number,
            LastGeneration = Math.Max(LastGeneration, source.Number),
            ImageId = source.ImageId,
            SnapshotKey = source.SnapshotKey,
            RootfsGeneration = source.RootfsGeneration,
            Patch = source.Patch,
            LeafCgroup = CgroupNames.Leaf(ContainerCgroup, source.Number, Id),
        };
    }

    /// <summary>With the generation as the current one that its shim says it is; what it is made from is the pending swap's to know.</summary>
    public ContainerRecord WithGeneration(uint number) => number == Generation ? this : WithSource(Swap?.SourceOf(number) ?? CurrentSource() with { Number = number });
}

/// <summary>How a container ended.</summary>
public sealed record ContainerExit
{
    /// <summary>0–255; 128 + signal.</summary>
    public int Code { get; init; }

    public int Signal { get; init; }

    /// <summary>Completed, Error, OOMKilled, StartError, ShimLost, Unknown.</summary>
    public string Reason { get; init; } = "";

    public string Message { get; init; } = "";

    public long StartedAtNanos { get; init; }

    public long FinishedAtNanos { get; init; }
}

/// <summary>uid, gid and supplementary groups of the init.</summary>
public sealed record UserRecord
{
    public long Uid { get; init; }

    public long Gid { get; init; }

    public ImmutableArray<long> SupplementalGroups { get; init; } = [];

    public static UserRecord From(LinuxContainerUser user) =>
        new() { Uid = user.Uid, Gid = user.Gid, SupplementalGroups = [.. user.SupplementalGroups] };
}
