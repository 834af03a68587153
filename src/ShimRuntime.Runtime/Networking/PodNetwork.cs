using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Networking;

/// <summary>Pods' networks by CNI plugins: one for the daemon.</summary>
public sealed class PodNetwork(RuntimeOptions options, ExitWatcher exits, ILogger<PodNetwork> log)
{
    private volatile string _podCidr = "";

    /// <summary>From UpdateRuntimeConfig; one CIDR, or two with a comma for dual stack. Given to plugins that declare ipRanges.</summary>
    public string PodCidr
    {
        get => _podCidr;
        set => _podCidr = value;
    }

    public NetworkReadiness Readiness() => throw new NotSupportedException($"{options} {exits} {log}: lands next");
}
