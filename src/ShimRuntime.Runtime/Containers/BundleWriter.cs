using ShimRuntime.Images;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Containers;

/// <summary>config.json of a container, and what follows from it.</summary>
internal sealed class BundleWriter(ContainerPaths paths, IImageStore images)
{
    public BundleFacts Write(ContainerEntry entry, Sandbox sandbox, ImageConfig image, int targetPid) =>
        throw new NotSupportedException($"{paths} {images} {entry} {sandbox} {image} {targetPid}");

    public void Rewrite(ContainerEntry entry, Sandbox sandbox) => throw new NotSupportedException($"{paths} {images} {entry} {sandbox}");

    public byte[] ExecProcess(ContainerEntry entry, IReadOnlyList<string> command) => throw new NotSupportedException($"{paths} {images} {entry} {command}");
}

/// <summary>What a bundle decided that the container's record and its shim must know.</summary>
/// <param name="InForce">For ContainerStatus.</param>
/// <param name="Limits">For the shim, which puts them on the container cgroup.</param>
internal sealed record BundleFacts(UserRecord User, int StopSignal, ResourcesRecord InForce, ShimProtocol.V1.Resources Limits);
