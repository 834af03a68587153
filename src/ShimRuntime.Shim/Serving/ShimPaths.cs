using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Serving;

/// <summary>Names that follow from a launch (ARCHITECTURE: state on disk).</summary>
internal sealed class ShimPaths(ShimLaunch launch)
{
    public string Socket { get; } = $"{launch.RunDirectory}/shim.sock";

    public string ShimRecord { get; } = $"{launch.RunDirectory}/{ShimProtocol.ShimRecord.FileName}";

    public string SwapRecord { get; } = $"{launch.RunDirectory}/{ShimProtocol.SwapRecord.FileName}";

    public string ExitRecord { get; } = $"{launch.DurableDirectory}/{ShimProtocol.ExitRecord.FileName}";
}
