using Microsoft.Extensions.Logging;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Networking;

namespace ShimRuntime.Runtime.Sandboxes;

/// <content>RunPodSandbox.</content>
public sealed partial class SandboxService
{
    public async Task<string> RunAsync(RunPodSandboxRequest request, CancellationToken client)
    {
        SandboxValidation.Check(request);
        var handler = await _parts.Handlers.RequireAsync(request.RuntimeHandler, "failed to run pod sandbox", client).ConfigureAwait(false);
        if (UserNamespaces.IsAsked(request.Config)) handler.RequireUserNamespaces();
        var name = SandboxId.Name(request.Config.Metadata);
        var id = await _runs.RunAsync(name, daemon => RunOnceAsync(name, request, daemon), client).ConfigureAwait(false);

        // A joined flight may have been started with another request under the same name.
        if (_store.FindEntry(id) is { } entry && !entry.Request.Equals(request)) throw NameTaken(entry);
        return id;
    }

    /// <summary>A finished creation whose client had gone is the retry's: the same request under the same name gets the same id.</summary>
    private Task<string> RunOnceAsync(string name, RunPodSandboxRequest request, CancellationToken daemon)
    {
        if (_store.Entries().FirstOrDefault(e => e.Name == name) is not { } existing) return CreateAsync(request, daemon);
        return existing.Current.Phase == SandboxPhase.Ready && existing.Request.Equals(request) ? Task.FromResult(existing.Id) : throw NameTaken(existing);
    }

    private async Task<string> CreateAsync(RunPodSandboxRequest request, CancellationToken daemon)
    {
        var plan = _builder.Decide(request, UnixTime.Nanos(_parts.Time.GetUtcNow()));
        using var creation = CancellationTokenSource.CreateLinkedTokenSource(daemon);
        var entry = new SandboxEntry(plan.Sandbox, request) { Creation = creation };
        _store.Add(entry);
        var rollback = new Rollback((step, e) => _log.LogError("failed to {Step} pod sandbox {Sandbox}: {Cause}", step, entry.Id, e.Message));
        try
        {
            await using (rollback)
            {
                rollback.Push("undo", token => new ValueTask(DestroyAsync(entry, token)));
                await BuildAsync(entry, plan, creation.Token).ConfigureAwait(false);
                rollback.Commit();
            }
        }
        catch (Exception e) when (e is OperationCanceledException && !daemon.IsCancellationRequested)
        {
            throw new RuntimeFault(FaultCode.Aborted, $"failed to run pod sandbox '{entry.Id}': it was stopped while it was being made", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw RuntimeFault.Internal($"failed to run pod sandbox '{entry.Id}': {e.Message}", e);
        }
        finally
        {
            Conclude(entry, rollback);
        }

        return entry.Id;
    }

    /// <summary>
    /// Written before anything is made, so that a daemon that dies leaves a pod that its successor can undo. What DEL needs is on the disk
    /// before CNI ADD, whose addresses outlive a power loss; the rest before the answer, so that containers' ends find their pod.
    /// </summary>
    private async Task BuildAsync(SandboxEntry entry, SandboxBuilder.Plan plan, CancellationToken cancellation)
    {
        _parts.Ledger?.NoteSandbox(entry.Id, plan.Sandbox.CgroupPath, plan.Sandbox.OwnsCgroup);
        _files.Create(SandboxShape.ToRecord(plan.Sandbox), entry.Request, plan.Attachment);
        var stored = plan.Attachment is null ? Task.CompletedTask : _files.SyncNetworkAsync(entry.Id);
        await Task.WhenAll(_builder.MakeAsync(plan), stored).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        await PopulateAsync(entry, plan, cancellation).ConfigureAwait(false);
        await using (await entry.Gate.EnterAsync(cancellation).ConfigureAwait(false))
        {
            // A stop that came until now has cancelled; one that comes later finds the pod Ready.
            cancellation.ThrowIfCancellationRequested();
            TellReady(Enter(entry, SandboxPhase.Ready));
            entry.Creation = null;
        }
    }

    /// <summary>Network, init, and the first container's shim: all three take processes, none needs another.</summary>
    private async Task PopulateAsync(SandboxEntry entry, SandboxBuilder.Plan plan, CancellationToken cancellation)
    {
        var attaching = AttachAsync(plan.Attachment, cancellation);
        var stored = _files.SyncCreationAsync(entry.Id);
        _parts.Shims.Prepare(entry.Id);
        var init = StartInitAsync(entry, plan.Sandbox);
        // All are waited for, whichever fails: an undo beside an ADD would come too early.
        await Task.WhenAll(attaching, init, stored).ConfigureAwait(false);
        if (await attaching.ConfigureAwait(false) is { } attached) entry.Update(s => s with { Ips = attached.Ips });
    }

    private async Task<CniAttachment?> AttachAsync(CniAttachment? attachment, CancellationToken cancellation)
    {
        if (attachment is null) return null;
        var attached = await _parts.Network.AddAsync(attachment, cancellation).ConfigureAwait(false);
        _files.WriteResult(attached);
        return attached;
    }

    private async Task StartInitAsync(SandboxEntry entry, Sandbox sandbox)
    {
        if (sandbox.PidNamespace is null) return;
        var init = await _builder.StartInitAsync(sandbox).ConfigureAwait(false);
        entry.Update(s => s with { InitPid = init.Pid, InitStartTicks = ProcessIdentity.TryRead(init.Pid)?.StartTicks ?? 0 });
        Watch(entry, init);
    }

    /// <summary>Undone sandboxes leave the store; what the undo could not do goes on in the background, the name being free.</summary>
    private void Conclude(SandboxEntry entry, Rollback rollback)
    {
        if (entry.Current.Phase == SandboxPhase.Creating)
        {
            _store.Remove(entry.Id);
            if (!rollback.Clean) _reclaimer.Schedule(entry.Id, token => DestroyAsync(entry, token));
        }

        entry.Created.TrySetResult();
    }

    private Task DestroyAsync(SandboxEntry entry, CancellationToken cancellation) =>
        _teardown.DestroyAsync(entry.Current, IsCgroupShared(entry.Current), cancellation);

    private static RuntimeFault NameTaken(SandboxEntry entry)
    {
        var pod = entry.Request.Config.Metadata;
        return new RuntimeFault(FaultCode.AlreadyExists,
            $"failed to run pod sandbox '{pod.Namespace}/{pod.Name}' (uid {pod.Uid}, attempt {pod.Attempt}): '{entry.Id}' has this name and is {entry.Current.Phase}; "
            + "remove it, or ask with another attempt");
    }
}
