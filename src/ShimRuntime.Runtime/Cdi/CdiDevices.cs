using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Bundles;

namespace ShimRuntime.Runtime.Cdi;

/// <summary>From what a container asks for to the edits that its config.json gets.</summary>
/// <param name="directories">Without any, CDI is off and every request for a device is refused.</param>
internal sealed class CdiDevices(CdiDirectories directories)
{
    /// <summary>Empty: it asks for none. InvalidArgument: no name of a device; FailedPrecondition: no spec has it.</summary>
    public IReadOnlyList<CdiEdits> Resolve(ContainerConfig config)
    {
        var names = CdiNames.Asked(config);
        if (names.Count == 0) return [];
        if (directories.Paths.Count == 0) throw Refusal.Impossible("CDI_devices", "asks for CDI devices, but cdi_spec_dirs is empty on this node");
        return directories.Read().Resolve(names, out var failure)
            ?? throw Refusal.Impossible("CDI_devices", $"{failure}; spec directories: {string.Join(", ", directories.Paths)}");
    }
}
