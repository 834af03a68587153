using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Shims;

/// <summary>
/// A shim that is started before its container needs one: while CNI plugins work, or while the writable layer is made. At most one waits for
/// each pod. It ends with its sandbox, with this daemon (end of file at its fd 4), or when no container came for minutes. Never needed: a
/// container that finds none gets a shim of its own.
/// </summary>
public sealed class ShimReserve(RuntimeOptions options, ExitWatcher exits, ILogger<ShimReserve> log)
{
    private const int SIGKILL = 9;

    /// <summary>As long as an image is pulled, as a rule.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan DeathTimeout = TimeSpan.FromSeconds(10);
    private readonly ConcurrentDictionary<string, Waiting> _bySandbox = new(StringComparer.Ordinal);

    internal ShimPlacement Placement { get; } = new(log);

    /// <summary>Starts one if none waits; that it can't is told to nobody but the log, for the container's own shim will say it.</summary>
    public void Prepare(string sandboxId)
    {
        if (_bySandbox.ContainsKey(sandboxId)) return;
        try
        {
            var waiting = new Waiting(ShimProcess.StartAhead(options.ShimPath));
            Placement.Place(waiting.Shim.Process.Pid);
            if (_bySandbox.TryAdd(sandboxId, waiting)) _ = ExpireAsync(sandboxId, waiting);
            else _ = EndAsync(waiting.Shim); // two creations at once
        }
        catch (LinuxException e)
        {
            log.LogWarning("no shim is held ready for pod sandbox {Sandbox}: {Cause}", sandboxId, e.Message);
        }
    }

    /// <summary>Ends the sandbox's shim, if no container took it; it is reaped when this returns.</summary>
    public Task EndAsync(string sandboxId) => Remove(sandboxId) is { } shim ? EndAsync(shim) : Task.CompletedTask;

    /// <summary>
    /// The sandbox's shim, the caller's from now on; null: there is none. One that has died, and one that runs another binary than a new one
    /// would, is not given out.
    /// </summary>
    internal async Task<ShimProcess?> TakeAsync(string sandboxId)
    {
        if (Remove(sandboxId) is not { } shim) return null;
        if (FileIdentity.TryRead($"/proc/{shim.Process.Pid}/exe") is { } running && running == FileIdentity.TryRead(options.ShimPath)) return shim;
        await EndAsync(shim).ConfigureAwait(false);
        return null;
    }

    /// <summary>It has nothing to lose: no container yet.</summary>
    internal async Task EndAsync(ShimProcess shim)
    {
        var pid = shim.Process.Pid;
        try
        {
            await KillAsync(shim).WaitAsync(DeathTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            log.LogWarning("shim {Shim}, which no container took, was killed and is still there", ProcessState.Describe(pid));
        }
    }

    private async Task KillAsync(ShimProcess shim)
    {
        using (shim)
        {
            _ = shim.Process.PidFd.Signal(SIGKILL);
            await exits.ReapAsync(shim.Process, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private ShimProcess? Remove(string sandboxId)
    {
        if (!_bySandbox.TryRemove(sandboxId, out var waiting)) return null;
        waiting.Taken.Cancel();
        return waiting.Shim;
    }

    private async Task ExpireAsync(string sandboxId, Waiting waiting)
    {
        await Task.Delay(Lifetime, waiting.Taken.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_bySandbox.TryRemove(KeyValuePair.Create(sandboxId, waiting))) await EndAsync(waiting.Shim).ConfigureAwait(false);
    }

    private sealed class Waiting(ShimProcess shim)
    {
        public ShimProcess Shim { get; } = shim;

        public CancellationTokenSource Taken { get; } = new();
    }
}
