using Microsoft.Extensions.Logging;
using ShimRuntime.Images;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>The pod half of RuntimeService: one file per verb. Operations run under the daemon's token; clients only wait for them.</summary>
public sealed partial class SandboxService : ISandboxService
{
    private readonly SandboxParts _parts;
    private readonly SandboxStore _store;
    private readonly SandboxFiles _files;
    private readonly SandboxBuilder _builder;
    private readonly SandboxTeardown _teardown;
    private readonly SandboxReclaimer _reclaimer;
    private readonly SingleFlight<string, string> _runs;
    private readonly ILogger _log;

    /// <summary>Makes its directories; touches nothing that lives until <see cref="RecoverAsync"/>.</summary>
    public SandboxService(SandboxParts parts)
    {
        _parts = parts;
        _store = parts.Store;
        _log = parts.Logs.CreateLogger<SandboxService>();
        _files = new SandboxFiles(new SandboxPaths(parts.Options));
        _files.MakeRoots();
        _builder = new SandboxBuilder(parts.Options, _files, parts.Network, parts.Cgroups, new PodInitLauncher(parts.Options.ShimPath));
        _teardown = new SandboxTeardown(_files, parts, _log);
        _reclaimer = new SandboxReclaimer(_log, parts.Time, parts.Stopping);
        _runs = new SingleFlight<string, string>(parts.Stopping);
    }

    /// <summary>
    /// A phase change and its record; the caller holds the gate. Ready is not synced: after a power loss no pod is ready, whichever of
    /// Creating and Ready the record says.
    /// </summary>
    private Sandbox Enter(SandboxEntry entry, SandboxPhase phase)
    {
        var record = SandboxShape.ToRecord(entry.Current with { Phase = phase });
        if (phase == SandboxPhase.Ready) _files.WriteVolatile(record);
        else if (phase == SandboxPhase.Creating) _files.Write(record);
        else WriteIfThereIsRoom(record);
        return entry.Update(s => s with { Phase = phase });
    }

    /// <summary>
    /// A full disk must not keep a pod, whose removal may be what makes room. A daemon that finds the record of an earlier phase finds what is
    /// gone too, and each step on the way out may find its work done.
    /// </summary>
    private void WriteIfThereIsRoom(SandboxRecord record)
    {
        // An earlier try to remove it came so far, and failed to make just that durable.
        if (record.Phase == SandboxPhase.Removing && !Directory.Exists(_files.Paths.Durable(record.Id))) return;
        try
        {
            _files.Write(record);
        }
        catch (LinuxException e) when (DiskFull.IsCauseOf(e))
        {
            _log.LogWarning("pod sandbox {Id} is {Phase}, which its record does not say: {Cause}", record.Id, record.Phase, e.Message);
        }
    }

    private bool IsCgroupShared(Sandbox sandbox) => _store.List().Any(s => s.Id != sandbox.Id && s.CgroupPath == sandbox.CgroupPath);
}
