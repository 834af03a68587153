using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Cdi;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>All that a config.json is made from. The rootfs is mounted: users and groups are looked up inside it.</summary>
public sealed record BundleRequest
{
    public required string ContainerId { get; init; }

    public required uint Generation { get; init; }

    public required ContainerConfig Config { get; init; }

    public required Sandbox Sandbox { get; init; }

    /// <summary>Of the image; its entrypoint, cmd, env, user, working directory and volumes are the defaults.</summary>
    public required ImageConfig Image { get; init; }

    /// <summary>Absolute; becomes root.path.</summary>
    public required string RootfsPath { get; init; }

    /// <summary>Becomes linux.cgroupsPath.</summary>
    public required string LeafCgroup { get; init; }

    /// <summary>
    /// Absolute; where the image's volumes get a directory each, such as &lt;root&gt;/containers/&lt;id&gt;/volumes. Removed with the
    /// container by its owner, never by the bundle code.
    /// </summary>
    public required string VolumesDirectory { get; init; }

    /// <summary>Absolute; where id-mapped copies of volumes are mounted for the start.</summary>
    public string StagedVolumesDirectory { get; init; } = "";

    /// <summary>Number of a mount of <see cref="Config"/> that asks for an image, and where its files are mounted on the host.</summary>
    public IReadOnlyDictionary<int, string> ImageMounts { get; init; } = new Dictionary<int, string>();

    /// <summary>Of the CDI devices that <see cref="Config"/> asks for, in the order of application.</summary>
    internal IReadOnlyList<CdiEdits> Cdi { get; init; } = [];

    /// <summary>Of the pod's runtime handler.</summary>
    public HandlerFeatures Handler { get; init; } = new();

    /// <summary>pid of the container whose PID namespace is joined (mode TARGET); 0: none.</summary>
    public int TargetPid { get; init; }
}
