using System.Globalization;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Session.Spdy;
using ShimRuntime.Shim.Session.Wire;

namespace ShimRuntime.Shim.Session.Forward;

/// <summary>
/// Brings the data and the error stream of each connection together (portforward.k8s.io): headers port, requestID, streamType. Clients of
/// before requestID open the error stream first and the data stream next. One that stays alone for 30 s is cut off.
/// </summary>
internal sealed class StreamPairs(SessionHost host, Action<ForwardRequest> onPair)
{
    private const int LargestPort = 65535;
    private const uint StreamIdStep = 2;
    private static readonly TimeSpan CreationTimeout = TimeSpan.FromSeconds(30); // kubelet's streamCreationTimeout
    private readonly Dictionary<string, Half> _waiting = [];

    public void Take(SpdyStream stream)
    {
        var isData = stream.Header("streamType") == "data";
        var isError = stream.Header("streamType") == "error";
        var valid = int.TryParse(stream.Header("port"), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= LargestPort;
        if (!valid || isData == isError)
        {
            stream.Reset();
            return;
        }

        var id = stream.Header("requestID") is { Length: > 0 } given ? given : $"#{(isError ? stream.Id : stream.Id - StreamIdStep)}";
        var toPod = isData ? new StreamToFd(host.Loop, stream, host.Socket.Inbound, TcpSocket.EndSending) : null;
        var half = new Half(port, stream, toPod);
        if (_waiting.Remove(id, out var other)) Join(half, other);
        else Wait(id, half);
    }

    /// <summary>The connection has ended.</summary>
    public void Clear()
    {
        foreach (var half in _waiting.Values) half.CutOff();
        _waiting.Clear();
    }

    private void Join(Half half, Half other)
    {
        other.Timeout?.Clear();
        if ((half.ToPod is null) == (other.ToPod is null) || half.Port != other.Port)
        {
            half.CutOff();
            other.CutOff();
            return;
        }

        var (data, error) = half.ToPod is null ? (other, half) : (half, other);
        onPair(new ForwardRequest(data.Port, data.Stream, error.Stream, data.ToPod!));
    }

    private void Wait(string id, Half half)
    {
        _waiting[id] = half;
        half.Timeout = host.Loop.CreateTimer(() =>
        {
            if (!_waiting.Remove(id)) return;
            host.Log($"the client created one stream of connection '{id}' and not the other");
            half.CutOff();
        });
        half.Timeout.Set(CreationTimeout);
    }

    private sealed class Half(int port, SpdyStream stream, StreamToFd? toPod)
    {
        public int Port { get; } = port;

        public SpdyStream Stream { get; } = stream;

        public StreamToFd? ToPod { get; } = toPod;

        public LoopTimer? Timeout { get; set; }

        public void CutOff()
        {
            Timeout?.Clear();
            ToPod?.Dispose();
            Stream.Reset();
        }
    }
}
