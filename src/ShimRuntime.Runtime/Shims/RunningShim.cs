using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Shims;

/// <summary>
/// One living shim: its process, watched by pidfd, and a connection that is made again when it breaks while the process lives (as after
/// an upgrade in place). <see cref="Gone"/> is the only news of the shim's death; silence never is.
/// </summary>
public sealed class RunningShim : IAsyncDisposable
{
    private readonly string _socketPath;
    private readonly SafePidFd _pidFd;
    private readonly TimeSpan _callTimeout;
    private readonly SemaphoreSlim _connecting = new(1, 1);
    private ShimClient? _client;
    private volatile uint _protocol;

    private RunningShim(string socketPath, ProcessIdentity process, SafePidFd pidFd, ShimOwner owner)
    {
        _socketPath = socketPath;
        _pidFd = pidFd;
        _callTimeout = owner.CallTimeout;
        Process = process;
        Gone = WatchAsync(owner);
    }

    public ProcessIdentity Process { get; }

    /// <summary>As it last said; 0: it has not yet.</summary>
    public uint Protocol => _protocol;

    /// <summary>Completes, never faulted, once the process has ended (and was reaped, if it was a child of ours).</summary>
    public Task Gone { get; }

    /// <summary>Null when that very process has ended; a zombie that nobody has reaped yet has, too.</summary>
    public static RunningShim? TryOpen(string socketPath, ProcessIdentity process, ShimOwner owner)
    {
        var pidFd = SafePidFd.TryOpen(process.Pid);
        if (pidFd is null) return null;
        if (process.IsAlive && !pidFd.HasEnded) return new RunningShim(socketPath, process, pidFd, owner);
        pidFd.Dispose();
        return null;
    }

    /// <summary>Connects first: proof that it listens.</summary>
    public Task<HelloResponse> HelloAsync(CancellationToken cancellation) => HelloAsync(_callTimeout, cancellation);

    /// <inheritdoc cref="HelloAsync(CancellationToken)"/>
    public async Task<HelloResponse> HelloAsync(TimeSpan patience, CancellationToken cancellation)
    {
        var hello = await CallAsync("Hello", static (c, t) => c.HelloAsync(t), patience, cancellation).ConfigureAwait(false);
        _protocol = hello.ProtocolVersion;
        return hello;
    }

    /// <summary>Null: as far as it has said, it has the method; else the sentence for who asked for it.</summary>
    public string? WhyNot(string method) => _protocol is not 0 && _protocol < ShimMethods.Since(method)
        ? $"its shim, pid {Process.Pid}, is of an earlier release (protocol {_protocol}) and has no {method}; the container goes on as it is, and a new one in its place has today's shim"
        : null;

    /// <summary>Answers when runc has; the caller bounds its own patience.</summary>
    public Task<StartResponse> StartAsync(CancellationToken cancellation) =>
        CallAsync("Start", static (c, t) => c.StartAsync(t), Timeout.InfiniteTimeSpan, cancellation);

    /// <summary>As <see cref="StartAsync"/>, from CRIU's images.</summary>
    public Task<StartResponse> RestoreAsync(RestoreRequest request, CancellationToken cancellation) =>
        CallAsync("Restore", (c, t) => c.RestoreAsync(request, t), Timeout.InfiniteTimeSpan, cancellation);

    /// <inheritdoc cref="ShimClient.PauseAsync"/>
    public Task PauseAsync(TimeSpan hold, Action started, CancellationToken release) =>
        DoAsync("Pause", (c, t) => c.PauseAsync(hold, started, t), Timeout.InfiniteTimeSpan, release);

    /// <summary>Answers when runc has ended, which CRIU may keep long; the caller bounds its own patience and leaves the call alone.</summary>
    public Task CheckpointAsync(CheckpointRequest request, CancellationToken cancellation) =>
        DoAsync("Checkpoint", (c, t) => c.CheckpointAsync(request, t), Timeout.InfiniteTimeSpan, cancellation);

    /// <summary>Answers when the container has ended; no deadline.</summary>
    public Task<ExitStatus> WaitAsync(CancellationToken cancellation) =>
        CallAsync("Wait", static (c, t) => c.WaitAsync(t), Timeout.InfiniteTimeSpan, cancellation);

    /// <summary>Answers with the end; the caller bounds its own patience.</summary>
    public Task<ExitStatus> StopAsync(int signal, TimeSpan grace, CancellationToken cancellation) =>
        CallAsync("Stop", (c, t) => c.StopAsync(signal, grace, t), Timeout.InfiniteTimeSpan, cancellation);

    /// <param name="patience">Above the exec's own timeout, which the shim keeps.</param>
    public Task<ExecSyncResult> ExecSyncAsync(
        ExecSyncRequest request, IExecOutput output, TimeSpan patience, CancellationToken cancellation) =>
        CallAsync("ExecSync", (c, t) => c.ExecSyncAsync(request, output, t), patience, cancellation);

    public Task<Resources> UpdateAsync(Resources resources, CancellationToken cancellation) =>
        CallAsync("Update", (c, t) => c.UpdateAsync(resources, t), _callTimeout, cancellation);

    public Task ReopenLogAsync(CancellationToken cancellation) =>
        DoAsync("ReopenLog", static (c, t) => c.ReopenLogAsync(t), _callTimeout, cancellation);

    /// <summary>Answers when the swap is over; no deadline.</summary>
    public Task<SwapResult> SwapAsync(SwapRequest request, Action<SwapEvent> entered, CancellationToken cancellation) =>
        CallAsync("Swap", (c, t) => c.SwapAsync(request, entered, t), Timeout.InfiniteTimeSpan, cancellation);

    /// <inheritdoc cref="ShimClient.HoldSocketsAsync"/>
    public Task<HoldSocketsResponse> HoldSocketsAsync(bool lookOnly, CancellationToken cancellation) =>
        CallAsync("HoldSockets", (c, t) => c.HoldSocketsAsync(lookOnly, t), _callTimeout, cancellation);

    /// <summary>Answers when the swap is over; no deadline.</summary>
    public Task<SwapResult> EndSwapAsync(EndSwapRequest request, CancellationToken cancellation) =>
        CallAsync("EndSwap", (c, t) => c.EndSwapAsync(request, t), Timeout.InfiniteTimeSpan, cancellation);

    /// <summary>
    /// Another program in the shim's process; returns when it serves. On a connection of its own: the program's descriptor goes with the call's bytes,
    /// so nothing may wait before them.
    /// </summary>
    public async Task<UpgradeShimResponse> UpgradeAsync(SafeFileHandle program, TimeSpan patience)
    {
        using var deadline = new CancellationTokenSource(patience);
        try
        {
            var client = await ShimClient.ConnectAsync(_socketPath, deadline.Token).ConfigureAwait(false);
            await using (client.ConfigureAwait(false)) return await client.UpgradeAsync(program, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new ShimFault(FaultCode.DeadlineExceeded,
                $"shim {ProcessState.Describe(Process.Pid)} did not answer Upgrade within {patience.TotalSeconds:0.#} s");
        }
    }

    /// <summary>Asks the shim to end; <see cref="Gone"/> tells when it has.</summary>
    public Task ShutdownAsync(bool kill, CancellationToken cancellation) =>
        DoAsync("Shutdown", (c, t) => c.ShutdownAsync(kill, t), _callTimeout, cancellation);

    /// <summary>SIGKILL for the shim itself: the end of one that does not answer, when its container is being removed.</summary>
    public void Kill()
    {
        if (Gone.IsCompleted) return;
        var held = false;
        try
        {
            _pidFd.DangerousAddRef(ref held);
            _pidFd.Signal(9);
        }
        catch (ObjectDisposedException)
        {
            // It ended between the check and the signal.
        }
        finally
        {
            if (held) _pidFd.DangerousRelease();
        }
    }

    public async ValueTask DisposeAsync()
    {
        var client = Interlocked.Exchange(ref _client, null);
        if (client is not null) await client.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>A call whose answer says no more than that it came.</summary>
    private Task DoAsync(string method, Func<ShimClient, CancellationToken, Task> call, TimeSpan timeout, CancellationToken cancellation) =>
        CallAsync(method, async (client, token) =>
        {
            await call(client, token).ConfigureAwait(false);
            return true;
        }, timeout, cancellation);

    private async Task<T> CallAsync<T>(
        string method, Func<ShimClient, CancellationToken, Task<T>> call, TimeSpan timeout, CancellationToken cancellation)
    {
        if (WhyNot(method) is { } lacking) throw new ShimFault(FaultCode.FailedPrecondition, lacking);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (timeout != Timeout.InfiniteTimeSpan) deadline.CancelAfter(timeout);
        ShimClient? client = null;
        try
        {
            client = await ConnectedAsync(deadline.Token).ConfigureAwait(false);
            return await call(client, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new ShimFault(FaultCode.DeadlineExceeded,
                $"shim {ProcessState.Describe(Process.Pid)} did not answer {method} within {timeout.TotalSeconds:0.#} s");
        }
        catch (ShimFault e) when (e.Code == FaultCode.Unavailable && client is not null)
        {
            // It is broken before it says so: the next call must not meet it again.
            if (Interlocked.CompareExchange(ref _client, null, client) == client) await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<ShimClient> ConnectedAsync(CancellationToken cancellation)
    {
        if (Volatile.Read(ref _client) is { Completion.IsCompleted: false } living) return living;
        await _connecting.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var old = Volatile.Read(ref _client);
            if (old is { Completion.IsCompleted: false }) return old;
            if (old is not null) await old.DisposeAsync().ConfigureAwait(false);
            var made = await ShimClient.ConnectAsync(_socketPath, cancellation).ConfigureAwait(false);
            Volatile.Write(ref _client, made);
            return made;
        }
        finally
        {
            _connecting.Release();
        }
    }

    /// <summary>A child of ours is reaped here: an adopted shim is some other process's child by then, and its parent reaps it.</summary>
    private async Task WatchAsync(ShimOwner owner)
    {
        try
        {
            await owner.Exits.WaitAsync(_pidFd, owner.Stopping).ConfigureAwait(false);
            _ = _pidFd.TryReap();
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.ECHILD)
        {
        }
        catch (OperationCanceledException)
        {
            // The daemon ends and the shim does not: nobody may take that for the shim's death.
            await Task.Delay(Timeout.InfiniteTimeSpan).ConfigureAwait(false);
        }

        _pidFd.Dispose();
    }
}

/// <summary>What watching shims takes: the exit watcher, the daemon's life, and how long a short call may take.</summary>
public sealed record ShimOwner(ExitWatcher Exits, TimeSpan CallTimeout, CancellationToken Stopping);
