using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Generations;

/// <summary>Names that follow from a generation's number (ARCHITECTURE: state on disk).</summary>
internal sealed class GenerationPaths(ShimLaunch launch, uint number)
{
    /// <summary>config.json is there before the generation is made.</summary>
    public string Bundle { get; } = $"{launch.RunDirectory}/g{number}";

    public string RuncLogs => $"{launch.RunDirectory}/runc-g{number}";

    public string InitPidFile => $"{Bundle}/init.pid";

    public string ConsoleSocket => $"{Bundle}/tty.sock";

    /// <summary>Where runc hands over the descriptor of a filter that notifies; config.json names it.</summary>
    public string FilterSocket => $"{Bundle}/bind.sock";

    /// <summary>runc's id of it.</summary>
    public string RuncId { get; } = $"{launch.ContainerId}.g{number}";
}
