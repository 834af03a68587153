using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Tests.Containers;

/// <summary>Containers to test with.</summary>
internal static class TestContainers
{
    public static string Id(char digit) => new(digit, 64);

    public static CreateContainerRequest Request(string name = "web", string image = "busybox") => new()
    {
        PodSandboxId = Id('f'),
        Config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = name },
            Image = new ImageSpec { Image = image },
            Labels = { ["app"] = name },
        },
    };

    public static ContainerRecord Record(string id, ContainerPhase phase = ContainerPhase.Created) => new()
    {
        Id = id,
        SandboxId = Id('f'),
        BootId = BootId.Current,
        Name = $"web_pod_ns_uid_{id[0]}",
        Phase = phase,
        CreatedAtNanos = 1,
        ImageId = "sha256:" + Id('e'),
        SnapshotKey = id,
        ContainerCgroup = $"/shimruntime-unit/{id}",
        LeafCgroup = $"/shimruntime-unit/{id}/g1-{id}",
    };

    public static ContainerEntry Entry(char digit, ContainerPhase phase = ContainerPhase.Created) =>
        new(Record(Id(digit), phase), Request());
}
