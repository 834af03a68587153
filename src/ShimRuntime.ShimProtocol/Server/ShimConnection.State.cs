using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.State;
using static Tmds.Linux.LibC;

namespace ShimRuntime.ShimProtocol;

/// <content>A connection that another program in this process goes on with.</content>
public sealed unsafe partial class ShimConnection
{
    /// <summary>Neither reads nor sends anything: what is there is the loop's next news.</summary>
    internal ShimConnection(EpollLoop loop, SavedConnection saved, IShimService service, Action<ShimConnection> onClosed)
    {
        (_loop, _fd, _service, _onClosed, _lastStream) = (loop, saved.Fd, service, onClosed, saved.LastStream);
        _decoder.Append(saved.Received.Span);
        saved.Unsent.Span.CopyTo(_outbound.GetSpan(saved.Unsent.Length));
        _outbound.Advance(saved.Unsent.Length);
        foreach (var call in saved.Calls) _calls.Add(call.Id, new ShimCall(this, call.Id, call.Method, ByteString.Empty));
        _awaitsWrite = _outbound.Pending > 0;
        _loop.Add(_fd, (uint)(_awaitsWrite ? EPOLLIN | EPOLLOUT : EPOLLIN), this);
    }

    internal int Descriptor => _fd;

    internal IReadOnlyCollection<ShimCall> Calls => _calls.Values;

    internal SavedConnection Save() => new()
    {
        Fd = _fd,
        LastStream = _lastStream,
        Received = ByteString.CopyFrom(_decoder.Received),
        Unsent = ByteString.CopyFrom(_outbound.Unsent),
        Calls = { _calls.Values.OrderBy(c => c.StreamId).Select(c => new SavedStream { Id = c.StreamId, Method = c.Method }) },
    };
}
