using ShimRuntime.Cri.V1;
using ShimRuntime.Images;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cgroups;

namespace ShimRuntime.Runtime.Containers;

/// <summary>A container as CRI's messages show it. Labels and annotations go back byte for byte: kubelet compares them.</summary>
internal sealed class ContainerViews(IImageStore images, LimitsInForce limits)
{
    public static Container ToListed(ContainerEntry entry)
    {
        var (record, config) = (entry.Record, entry.Config);
        return new Container
        {
            Id = record.Id,
            PodSandboxId = record.SandboxId,
            Metadata = config.Metadata,
            Image = AskedImage(record, config),
            ImageRef = record.ImageId,
            ImageId = record.ImageId,
            State = ToState(record.Phase),
            CreatedAt = record.CreatedAtNanos,
            Labels = { config.Labels },
            Annotations = { config.Annotations },
        };
    }

    public ContainerStatus ToStatus(ContainerEntry entry)
    {
        var (record, config, exit) = (entry.Record, entry.Config, entry.Record.Exit);
        var image = images.Find(record.ImageId);
        var status = new ContainerStatus
        {
            Id = record.Id,
            Metadata = config.Metadata,
            State = ToState(record.Phase),
            CreatedAt = record.CreatedAtNanos,
            StartedAt = record.StartedAtNanos,
            FinishedAt = exit?.FinishedAtNanos ?? 0,
            ExitCode = exit?.Code ?? 0,
            Reason = exit?.Reason ?? "",
            Message = exit?.Message ?? "",
            Image = NameOf(AskedImage(record, config), image),
            ImageRef = image?.RepoDigests is [var digest, ..] ? digest : record.ImageId,
            ImageId = record.ImageId,
            Labels = { config.Labels },
            Annotations = { config.Annotations },
            Mounts = { config.Mounts },
            LogPath = record.LogPath,
            Resources = new ContainerResources { Linux = ResourcesOf(record) },
            StopSignal = StopSignals.ToCri(record.StopSignal),
            User = new ContainerUser { Linux = new LinuxContainerUser { Uid = record.User.Uid, Gid = record.User.Gid } },
        };
        status.User.Linux.SupplementalGroups.Add(record.User.SupplementalGroups);
        return status;
    }

    /// <summary>Read from the cgroup as long as there is one; of an ended container what last held.</summary>
    private LinuxContainerResources ResourcesOf(ContainerRecord record)
    {
        var recorded = record.Resources.ToCri();
        return record.Phase is ContainerPhase.Created or ContainerPhase.Starting or ContainerPhase.Running or ContainerPhase.Stopping
            ? limits.Read(record.ContainerCgroup, recorded)
            : recorded;
    }

    /// <summary>A container being removed is shown as it was before: ended, or never started.</summary>
    public static ContainerState ToState(ContainerPhase phase) => phase switch
    {
        ContainerPhase.Creating or ContainerPhase.Created or ContainerPhase.Starting => ContainerState.ContainerCreated,
        ContainerPhase.Running or ContainerPhase.Stopping => ContainerState.ContainerRunning,
        _ => ContainerState.ContainerExited,
    };

    /// <summary>The request's, or that of the swap which brought another.</summary>
    private static ImageSpec? AskedImage(ContainerRecord record, ContainerConfig config) =>
        record.Patch?.Image is { } swapped ? new ImageSpec { Image = swapped, UserSpecifiedImage = swapped } : config.Image;

    /// <summary>The image's first tag, as containerd shows it; the request's words when the image has gone or has no name.</summary>
    private static ImageSpec? NameOf(ImageSpec? asked, ImageRecord? image)
    {
        var name = image?.RepoTags is [var tag, ..] ? tag : image?.RepoDigests is [var digest, ..] ? digest : null;
        if (name is null || asked is null) return asked;
        var named = asked.Clone();
        named.Image = name;
        return named;
    }
}
