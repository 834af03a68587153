using Grpc.Core;
using ShimRuntime.Cri.HotSwap.V1;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>The events of one Swap call, read to their end in the background.</summary>
public sealed class SwapReader
{
    private readonly List<SwapEvent> _events = [];
    private readonly Task _reading;

    public SwapReader(AsyncServerStreamingCall<SwapEvent> call) => _reading = ReadAsync(call);

    public IReadOnlyList<SwapEvent> Events
    {
        get
        {
            lock (_events) return [.. _events];
        }
    }

    /// <summary>Waits until a phase was told; fails when the call ends before.</summary>
    public async Task<SwapEvent> EnteredAsync(Phase phase)
    {
        await Eventually.True(() => Find(phase) is not null || _reading.IsCompleted, $"the swap enters {phase}");
        if (Find(phase) is { } found) return found;
        await _reading; // a refusal is what the test wants to see
        throw new InvalidOperationException($"the swap ended without {phase}: {string.Join(", ", Events.Select(e => e.Phase))}");
    }

    /// <summary>Waits for the call's end and returns the last event; throws what the call was refused with.</summary>
    public async Task<SwapEvent> EndAsync()
    {
        await _reading.WaitAsync(TimeSpan.FromMinutes(1));
        return Events[^1];
    }

    /// <summary>The phases in their order.</summary>
    public IEnumerable<Phase> Phases => Events.Select(e => e.Phase);

    private SwapEvent? Find(Phase phase) => Events.FirstOrDefault(e => e.Phase == phase);

    private async Task ReadAsync(AsyncServerStreamingCall<SwapEvent> call)
    {
        using (call)
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                lock (_events) _events.Add(call.ResponseStream.Current);
            }
        }
    }
}
