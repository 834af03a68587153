using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Serving;

/// <summary>Names that follow from a launch (ARCHITECTURE: state on disk).</summary>
internal sealed class ShimPaths(ShimLaunch launch)
{
    public string Socket { get; } = $"{launch.RunDirectory}/shim.sock";

    public string ShimRecord { get; } = $"{launch.RunDirectory}/{ShimProtocol.ShimRecord.FileName}";

    public string ExitRecord { get; } = $"{launch.DurableDirectory}/{ShimProtocol.ExitRecord.FileName}";

    /// <summary>The bundle of the current generation.</summary>
    public string Bundle { get; } = $"{launch.RunDirectory}/g{launch.Generation}";

    public string InitPidFile => $"{Bundle}/init.pid";

    public string ConsoleSocket => $"{Bundle}/tty.sock";

    /// <summary>runc's id of the current generation.</summary>
    public string RuncId { get; } = $"{launch.ContainerId}.g{launch.Generation}";
}
