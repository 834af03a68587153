using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Swap;

/// <summary>
/// One swap as its clients see it: its events so far, and the end. Written by the one task that flies it, read by any number of
/// clients, each from the first event on.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "a token source holds nothing to dispose until its wait handle is asked for")]
public sealed class SwapFlight(string requestId)
{
    private readonly CancellationTokenSource _cancellation = new();
    private volatile State _state = new([], null, false);

    public string RequestId { get; } = requestId;

    public bool IsOver => _state.IsOver;

    public bool IsDryRun { get; init; }

    /// <summary>Its shim has taken it.</summary>
    public bool HasBegun { get; internal set; }

    /// <summary>Fires when it was given up before its shim was told.</summary>
    internal CancellationToken Cancellation => _cancellation.Token;

    internal bool IsCancelled => _cancellation.IsCancellationRequested;

    /// <summary>Before it was begun by the shim: a failure is the call's, and the request may be made again.</summary>
    public RuntimeFault? Refusal => _state.Refusal;

    /// <summary>Completes, never faulted, when all that the daemon does for it is done.</summary>
    public Task Completion { get; internal set; } = Task.CompletedTask;

    /// <summary>Of the last event; null: none yet.</summary>
    public SwapEvent? Last => _state.Events is [.., var last] ? last : null;

    /// <summary>
    /// Where one generation ends before the other starts (L0, L1): the old one has ended, and the new one is not committed yet. Who asks now
    /// means the new one.
    /// </summary>
    internal bool IsBetween => !IsOver && _state.Events is [.., { Phase: Phase.Start or Phase.Ready }] events && events.Any(e => e.Phase == Phase.Drain);

    /// <summary>Gives it up if its shim was not told yet; else it does nothing.</summary>
    internal void Cancel() => _cancellation.Cancel();

    internal void Tell(SwapEvent happened) => Swap(new State(_state.Events.Add(happened), null, false));

    /// <summary>Nothing more comes.</summary>
    internal void End() => Swap(_state with { IsOver = true });

    internal void Refuse(RuntimeFault fault) => Swap(_state with { Refusal = fault, IsOver = true });

    public async IAsyncEnumerable<SwapEvent> FollowAsync([EnumeratorCancellation] CancellationToken client)
    {
        for (var told = 0; ;)
        {
            var state = _state;
            for (; told < state.Events.Length; told++) yield return state.Events[told];
            if (state.Refusal is { } fault) throw new RuntimeFault(fault.Code, fault.Message, fault);
            if (state.IsOver) yield break;
            await state.Changed.Task.WaitAsync(client).ConfigureAwait(false);
        }
    }

    /// <summary>Waits for its end and returns the last event.</summary>
    public async Task<SwapEvent> EndAsync(CancellationToken client)
    {
        SwapEvent? last = null;
        await foreach (var happened in FollowAsync(client).ConfigureAwait(false)) last = happened;
        return last ?? new SwapEvent { RequestId = RequestId };
    }

    private void Swap(State next)
    {
        var before = _state;
        _state = next;
        before.Changed.TrySetResult();
    }

    private sealed record State(ImmutableArray<SwapEvent> Events, RuntimeFault? Refusal, bool IsOver)
    {
        public TaskCompletionSource Changed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
