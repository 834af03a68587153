using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>What <see cref="DeviceList"/> decides.</summary>
/// <param name="Nodes">To be made, or bound from the same path, by the runtime.</param>
/// <param name="Binds">Nodes of the host under another path.</param>
internal sealed record DevicePlan(IReadOnlyList<DeviceSpec> Nodes, IReadOnlyList<MountSpec> Binds, IReadOnlyList<DeviceRule> Rules);
