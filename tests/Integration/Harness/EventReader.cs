using System.Diagnostics;
using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>One subscriber that reads as fast as events come.</summary>
public sealed class EventReader : IAsyncDisposable
{
    private readonly AsyncServerStreamingCall<ContainerEventResponse> _call;
    private readonly List<ContainerEventResponse> _got = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task<RpcException?> _reading;
    private int _taken;

    private EventReader(AsyncServerStreamingCall<ContainerEventResponse> call, ulong sequence)
    {
        _call = call;
        StartSequence = sequence;
        _reading = Task.Run(ReadAsync);
    }

    /// <summary>Number of the last event before the subscription.</summary>
    public ulong StartSequence { get; }

    public int Count
    {
        get
        {
            lock (_got) return _got.Count;
        }
    }

    /// <summary>Returns once the daemon says that the subscription stands.</summary>
    public static async Task<EventReader> SubscribeAsync(RuntimeService.RuntimeServiceClient runtime)
    {
        var call = runtime.GetContainerEvents(new GetEventsRequest());
        var headers = await call.ResponseHeadersAsync.WaitAsync(Eventually.Patience);
        return new EventReader(call, ulong.Parse(headers.GetValue("shimruntime-event-sequence")!, CultureInfo.InvariantCulture));
    }

    /// <summary>All that came since the last call, up to the first that satisfies <paramref name="last"/>.</summary>
    public async Task<IReadOnlyList<ContainerEventResponse>> UntilAsync(Func<ContainerEventResponse, bool> last)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            lock (_got)
            {
                var end = _got.FindIndex(_taken, e => last(e));
                if (end >= 0)
                {
                    var taken = _got.GetRange(_taken, end + 1 - _taken);
                    _taken = end + 1;
                    return taken;
                }

                if (clock.Elapsed > Eventually.Patience)
                    Assert.Fail($"the event did not come; there were: {string.Join(", ", _got.Skip(_taken).Select(e => $"{e.ContainerEventType} {e.ContainerId[..8]}"))}");
            }

            await Task.Delay(20);
        }
    }

    /// <summary>How the daemon ended the stream.</summary>
    public Task<RpcException?> EndAsync() => _reading.WaitAsync(Eventually.Patience);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading;
        _call.Dispose();
        _stop.Dispose();
    }

    private async Task<RpcException?> ReadAsync()
    {
        try
        {
            while (await _call.ResponseStream.MoveNext(_stop.Token))
            {
                lock (_got) _got.Add(_call.ResponseStream.Current);
            }

            return null;
        }
        catch (RpcException e)
        {
            return e;
        }
    }
}
