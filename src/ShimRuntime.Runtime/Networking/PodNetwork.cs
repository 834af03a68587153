using Microsoft.Extensions.Logging;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Networking;

/// <summary>
/// Pods' networks by CNI plugins: one for the daemon. No lock is held over a plugin; a fair limiter keeps a burst of pods from
/// running hundreds of them at once.
/// </summary>
public sealed partial class PodNetwork : IDisposable
{
    private const string Interface = "eth0";
    private readonly CniConfigDirectory _directory;
    private readonly CniPluginRunner _runner;
    private readonly CniChain _chain;
    private readonly SemaphoreSlim _slots;
    private readonly ILogger<PodNetwork> _log;
    private volatile string _podCidr = "";

    public PodNetwork(RuntimeOptions options, ExitWatcher exits, ILogger<PodNetwork> log)
    {
        _directory = new CniConfigDirectory(options.CniConfDirectory);
        _runner = new CniPluginRunner(options.CniBinDirectories, options.CniTimeout, exits);
        _chain = new CniChain(_runner);
        var slots = Math.Clamp(4 * Environment.ProcessorCount, 8, 64);
        _slots = new SemaphoreSlim(slots, slots); // waiters are served in the order in which they came
        _log = log;
    }

    /// <summary>From UpdateRuntimeConfig; one CIDR, or two with a comma for dual stack. Given to plugins that declare ipRanges.</summary>
    public string PodCidr
    {
        get => _podCidr;
        set => _podCidr = value;
    }

    /// <summary>The NetworkReady condition: a valid configuration whose plugins are all there.</summary>
    public NetworkReadiness Readiness()
    {
        const string reason = "NetworkPluginNotReady";
        var reading = _directory.Read();
        var skipped = string.Join("; ", reading.Skipped);
        if (reading.Network is null)
            return new NetworkReadiness(false, reason, $"no network configuration in {_directory.Path}{(skipped.Length > 0 ? ": " + skipped : "; put a .conflist there")}");
        var missing = reading.Network.Plugins.Select(p => p.Type).Where(t => _runner.Find(t) is null).ToList();
        return missing.Count == 0
            ? new NetworkReadiness(true, "", skipped)
            : new NetworkReadiness(false, reason, $"{reading.Network.File} names plugins that no bin directory has: {string.Join(", ", missing)}");
    }

    /// <summary>The configuration list in force as JSON, for verbose Status; null: none.</summary>
    public string? ConfigJson() => _directory.Read().Network?.ToJson().ToJsonString();

    /// <summary>Decides a pod's attachment and changes nothing. FailedPrecondition: there is no configuration.</summary>
    public CniAttachment Prepare(string sandboxId, string netnsPath, PodSandboxConfig config, string cgroupPath)
    {
        var network = _directory.Read().Network ?? throw RuntimeFault.FailedPrecondition(
            $"failed to set up network of pod sandbox '{sandboxId}': {Readiness().Message}");
        return new CniAttachment
        {
            ContainerId = sandboxId,
            NetnsPath = netnsPath,
            InterfaceName = Interface,
            ConfigFile = network.File,
            Config = network.ToJson(),
            Arguments = Arguments(sandboxId, config.Metadata),
            Capabilities = CniCapabilities.From(config, PodCidr, cgroupPath),
        };
    }

    /// <summary>ADD. Returns the attachment with its result; whatever happens, the caller owes it a DEL from now on.</summary>
    public Task<CniAttachment> AddAsync(CniAttachment attachment, CancellationToken cancellation) => LimitedAsync(async () =>
    {
        try
        {
            return attachment with { Result = await _chain.AddAsync(attachment, cancellation).ConfigureAwait(false) };
        }
        catch (RuntimeFault e)
        {
            throw new RuntimeFault(e.Code, $"failed to set up network of pod sandbox '{attachment.ContainerId}': {e.Message}", e);
        }
    }, cancellation);

    /// <summary>DEL, from the attachment alone: neither conf directory nor namespace need still be there.</summary>
    public Task DeleteAsync(CniAttachment attachment, CancellationToken cancellation) => LimitedAsync(async () =>
    {
        try
        {
            await _chain.DeleteAsync(attachment, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (RuntimeFault e)
        {
            _log.LogWarning("network of pod sandbox {Sandbox} is not released yet: {Cause}", attachment.ContainerId, e.Message);
            throw new RuntimeFault(e.Code, $"failed to release network of pod sandbox '{attachment.ContainerId}': {e.Message}; it is tried again until it works", e);
        }
    }, cancellation);

    public void Dispose() => _slots.Dispose();

    private async Task<T> LimitedAsync<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        await _slots.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await call().ConfigureAwait(false);
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <summary>The pairs that every CRI runtime gives; IgnoreUnknown, because most plugins know none of them.</summary>
    private static string Arguments(string sandboxId, PodSandboxMetadata pod) =>
        $"IgnoreUnknown=1;K8S_POD_NAMESPACE={pod.Namespace};K8S_POD_NAME={pod.Name};K8S_POD_INFRA_CONTAINER_ID={sandboxId};K8S_POD_UID={pod.Uid}";
}
