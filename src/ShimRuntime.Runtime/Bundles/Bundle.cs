using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;
using ShimResources = ShimRuntime.ShimProtocol.V1.Resources;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// What Create decided. Nothing on the machine has changed yet: <see cref="BundleDirectories"/> makes what is named here.
/// </summary>
public sealed record Bundle
{
    /// <summary>config.json; <see cref="RuntimeJson.Serialize(RuntimeSpec)"/> writes it.</summary>
    public required RuntimeSpec Spec { get; init; }

    /// <summary>For ContainerStatus.</summary>
    public required LinuxContainerUser User { get; init; }

    /// <summary>For ShimLaunch: the limits of the container cgroup.</summary>
    public required ShimResources Resources { get; init; }

    /// <summary>What the limits are, for ContainerStatus.resources.</summary>
    public required LinuxContainerResources ResourcesInForce { get; init; }

    /// <summary>Signal number (1–64) that a stop begins with.</summary>
    public required int StopSignal { get; init; }

    /// <summary>Bind sources that don't exist on the host and are to be made as directories (0755).</summary>
    public required IReadOnlyList<string> MissingHostDirectories { get; init; }

    /// <summary>Image volumes to be made and filled from the image.</summary>
    public required IReadOnlyList<ImageVolume> Volumes { get; init; }

    /// <summary>Mounts to be made before the container starts.</summary>
    public IReadOnlyList<IdmappedBind> IdmappedBinds { get; init; } = [];

    /// <summary>Whose mappings <see cref="IdmappedBinds"/> get.</summary>
    public string? UserNamespace { get; init; }
}

/// <summary>An id-mapped copy of a mount: what the container then binds, whether or not its runtime knows uidMappings.</summary>
/// <param name="Field">Of the request, for a refusal.</param>
/// <param name="Source">On the host, links followed.</param>
/// <param name="Stage">Absolute path of the file or directory to be made, where it is mounted.</param>
/// <param name="Follows">What is mounted below the source later shows below the copy too; nothing the other way round.</param>
public sealed record IdmappedBind(string Field, string Source, string Stage, bool Follows);

/// <summary>One of the image's VOLUMEs: a directory of this container alone, filled with what the image has there.</summary>
/// <param name="ContainerPath">Absolute path in the image, clean.</param>
/// <param name="HostPath">Absolute path of the directory to be made.</param>
public sealed record ImageVolume(string ContainerPath, string HostPath);
