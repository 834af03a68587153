using System.Collections.Concurrent;
using System.Text.Json;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Sandboxes;

/// <content>Recovery: local files and pins only, so nothing here waits for anybody; what takes time goes on in the background.</content>
public sealed partial class SandboxService
{
    private readonly ConcurrentBag<(string Id, Func<Task> Way)> _begun = [];

    /// <summary>Stops and removals that an earlier daemon had begun wait for <see cref="FinishBegun"/>.</summary>
    public async Task RecoverAsync(CancellationToken cancellation)
    {
        await Parallel.ForEachAsync(_files.Ids(), cancellation, async (id, _) =>
        {
            try
            {
                await RecoverOneAsync(id).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // Whatever is wrong with one pod's files: the others are adopted, and the daemon starts.
                _log.LogError(e, "pod sandbox {Sandbox} is not recovered; its files stay", id);
            }
        }).ConfigureAwait(false);
        foreach (var id in OrphansInState()) _reclaimer.Schedule(id, token => _teardown.DestroyAsync(Orphan(id), false, token), true);
    }

    /// <summary>To be called once the containers are recovered: a pod that went down before would leave its containers behind, or running.</summary>
    public void FinishBegun()
    {
        while (_begun.TryTake(out var begun)) _reclaimer.Schedule(begun.Id, _ => begun.Way(), true);
    }

    private async Task RecoverOneAsync(string id)
    {
        if (ReadRequest(id) is not { } request) return;
        var record = ReadRecord(id, request);
        var entry = new SandboxEntry(Restore(id, request, record), request);
        entry.Created.TrySetResult();
        entry.EndTold = record.Phase is SandboxPhase.NotReady or SandboxPhase.Stopped;
        var action = SandboxRecovery.Decide(entry.Current.Phase, record.BootId == SandboxFiles.BootId, IsIntact(entry.Current));
        if (action == SandboxRecoveryAction.Undo)
        {
            _reclaimer.Schedule(id, token => DestroyAsync(entry, token), true);
            return;
        }

        await using (await entry.Gate.EnterAsync(_parts.Stopping).ConfigureAwait(false)) Adopt(entry, action);
        _store.Add(entry);
        if (action == SandboxRecoveryAction.FinishStop) _begun.Add((id, () => StopEntryAsync(entry)));
        if (action == SandboxRecoveryAction.FinishRemoval) _begun.Add((id, () => RemoveEntryAsync(entry)));
    }

    private void Adopt(SandboxEntry entry, SandboxRecoveryAction action)
    {
        var sandbox = entry.Current;
        if (action == SandboxRecoveryAction.NotReady && sandbox.Phase != SandboxPhase.NotReady)
        {
            _log.LogWarning("pod sandbox {Sandbox} is not Ready any more: the machine restarted, or a namespace or its init is gone", sandbox.Id);
            Enter(entry, SandboxPhase.NotReady);
            TellFound(entry);
        }

        if (action != SandboxRecoveryAction.Adopt || sandbox.InitPid == 0) return;
        if (SafePidFd.TryOpen(sandbox.InitPid) is { } init) Watch(entry, init);
    }

    /// <summary>
    /// Null: nobody can say what the pod was. What it had is released by its id, its network by cni.json; the request is kept aside. The
    /// same goes for a creation that was cut short before its request was written.
    /// </summary>
    private RunPodSandboxRequest? ReadRequest(string id)
    {
        try
        {
            return _files.ReadRequest(id);
        }
        catch (Exception e) when (e is InvalidDataException or InvalidProtocolBufferException or FileNotFoundException)
        {
            if (e is not FileNotFoundException && _files.IsCutCreation(id))
                _log.LogWarning("pod sandbox {Sandbox} was still being made when the power went, and is removed: {Cause}", id, e.Message);
            else if (e is not FileNotFoundException)
                _log.LogError("pod sandbox {Sandbox} has an unreadable request, moved to {Aside}: {Cause}", id, _files.MoveAside(id, _files.Paths.Request(id)), e.Message);
            _reclaimer.Schedule(id, token => _teardown.DestroyAsync(Orphan(id), false, token), true);
            return null;
        }
    }

    /// <summary>A record that was never written belongs to a creation that had made nothing; a torn one is moved aside, and the pod not ready.</summary>
    private SandboxRecord ReadRecord(string id, RunPodSandboxRequest request)
    {
        try
        {
            return _files.ReadRecord(id);
        }
        catch (FileNotFoundException)
        {
            return Rebuild(id, request, SandboxPhase.Creating);
        }
        catch (JsonException e) when (_files.IsOfAnotherBoot(id))
        {
            // Ready is not synced; see decision 50.
            _log.LogWarning("pod sandbox {Sandbox} is not ready: its record was not on the disk when the power went: {Cause}", id, e.Message);
            var rebuilt = Rebuild(id, request, SandboxPhase.NotReady);
            _files.Write(rebuilt);
            return rebuilt;
        }
        catch (Exception e) when (e is InvalidDataException or JsonException)
        {
            var aside = _files.MoveAside(id, _files.Paths.Record(id));
            _log.LogError("pod sandbox {Sandbox} has an unreadable record, moved to {Aside}; it is not ready: {Cause}", id, aside, e.Message);
            var rebuilt = Rebuild(id, request, SandboxPhase.NotReady);
            _files.Write(rebuilt);
            return rebuilt;
        }
    }

    /// <summary>The request and the id tell enough to stop and remove a pod.</summary>
    private SandboxRecord Rebuild(string id, RunPodSandboxRequest request, SandboxPhase phase) => new()
    {
        Id = id,
        Phase = phase,
        BootId = SandboxFiles.BootId,
        CreatedAtNanos = new DateTimeOffset(Directory.GetLastWriteTimeUtc(_files.Paths.Durable(id))).ToUnixTimeMilliseconds() * 1_000_000,
        CgroupPath = _builder.FormerCgroupOf(request.Config, id),
        OwnsCgroup = string.IsNullOrEmpty(request.Config.Linux?.CgroupParent),
        Hostname = request.Config.Hostname,
        Overhead = request.Config.Linux?.Overhead is { } overhead ? ResourcesRecord.From(overhead) : null,
        Resources = request.Config.Linux?.Resources is { } resources ? ResourcesRecord.From(resources) : null,
    };

    private Sandbox Restore(string id, RunPodSandboxRequest request, SandboxRecord record) => SandboxShape.Of(id, request, _files.Paths) with
    {
        Phase = record.Phase,
        CreatedAtNanos = record.CreatedAtNanos,
        CgroupPath = record.CgroupPath,
        OwnsCgroup = record.OwnsCgroup,
        Hostname = record.Hostname,
        Overhead = record.Overhead?.ToCri(),
        Resources = record.Resources?.ToCri(),
        // Pids of another boot are somebody else's.
        InitPid = record.BootId == SandboxFiles.BootId ? record.InitPid : 0,
        InitStartTicks = record.InitStartTicks,
        Ips = ReadAttachment(id)?.Ips ?? [],
    };

    private static bool IsIntact(Sandbox sandbox)
    {
        var pins = new[] { sandbox.NetworkNamespace, sandbox.IpcNamespace, sandbox.UtsNamespace, sandbox.PidNamespace, sandbox.UserNamespace };
        if (pins.Any(p => p is not null && !LinuxNamespace.IsPinned(p))) return false;
        return sandbox.PidNamespace is null || new ProcessIdentity(sandbox.InitPid, sandbox.InitStartTicks).IsAlive;
    }

    /// <summary>Directories of ours under the state directory without a record: a removal that was cut short, or a record moved aside.</summary>
    private IEnumerable<string> OrphansInState() => Directory.EnumerateDirectories(_files.Paths.AllVolatile).Select(d => Path.GetFileName(d))
        .Where(id => SandboxId.IsValid(id) && !Directory.Exists(_files.Paths.Durable(id))).ToList();

    /// <summary>A sandbox of which only the id is known, and its record where there is one.</summary>
    private Sandbox Orphan(string id)
    {
        var record = File.Exists(_files.Paths.Record(id)) ? ReadRecord(id, new RunPodSandboxRequest { Config = new PodSandboxConfig() }) : null;
        return new Sandbox
        {
            Id = id,
            Config = new PodSandboxConfig(),
            Phase = SandboxPhase.Removing,
            CgroupPath = record?.CgroupPath ?? _parts.Cgroups.Driver.PodCgroup("", id),
            OwnsCgroup = record?.OwnsCgroup ?? true,
            InitPid = record?.BootId == SandboxFiles.BootId ? record.InitPid : 0,
            InitStartTicks = record?.InitStartTicks ?? 0,
            ResolvConfPath = _files.Paths.ResolvConf(id),
            HostnamePath = _files.Paths.Hostname(id),
        };
    }
}
