using System.Buffers;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.ShimProtocol;

/// <summary>
/// The daemon's end of one connection to one shim: many calls at once, each on a stream of its own. A call whose token fires is
/// cancelled at the shim too (an exec's tree is killed, a waiter forgotten; a stop or a start goes on). <see cref="Completion"/> tells
/// of the connection's end; every call then under way fails with <see cref="FaultCode.Unavailable"/>.
/// </summary>
public sealed partial class ShimClient : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly ConcurrentDictionary<uint, ClientStream> _streams = new();
    private readonly Channel<Outgoing> _outbox = Channel.CreateUnbounded<Outgoing>(new() { SingleReader = true });
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _opening = new(); // ids go out in the order in which they are given: the shim refuses one that is not larger
    private readonly Task _reader;
    private readonly Task _writer;
    private volatile ShimFault? _end;
    private int _disposed;
    private uint _lastStream = uint.MaxValue;

    private ShimClient(Socket socket)
    {
        _socket = socket;
        _reader = Task.Run(ReadLoopAsync);
        _writer = Task.Run(WriteLoopAsync);
        Completion = Task.WhenAll(_reader, _writer);
    }

    /// <summary>Completes, never faulted, when the connection has ended, whoever ended it.</summary>
    public Task Completion { get; }

    /// <summary>Connects to <paramref name="socketPath"/> and checks that root or our own user listens there.</summary>
    /// <exception cref="ShimFault">Unavailable: nobody listens; PermissionDenied: a stranger does.</exception>
    public static async Task<ShimClient> ConnectAsync(string socketPath, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation).ConfigureAwait(false);
            var peer = PeerCredentials.Of((int)socket.Handle);
            if (!peer.IsTrusted)
                throw new ShimFault(FaultCode.PermissionDenied, $"'{socketPath}' is served by uid {peer.Uid}, pid {peer.Pid}");
            return new ShimClient(socket);
        }
        catch (Exception e)
        {
            socket.Dispose();
            if (e is not SocketException refused) throw;
            throw new ShimFault(FaultCode.Unavailable, $"failed to connect to shim '{socketPath}': {refused.Message}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        End(new ShimFault(FaultCode.Unavailable, "the connection to the shim was closed"));
        await Completion.ConfigureAwait(false);
        _socket.Dispose();
        _closing.Dispose();
    }

    /// <param name="descriptor">Goes with the call (SCM_RIGHTS); the caller's, and to be open until the answer.</param>
    private async Task<ByteString> CallAsync(string method, IMessage request, Action<ReadOnlyMemory<byte>>? onData,
        CancellationToken cancellation, SafeHandle? descriptor = null)
    {
        var stream = new ClientStream(onData);
        var envelope = new Request { Service = ShimMethods.Service, Method = method, Payload = request.ToByteString() };
        Failpoint.Hit($"ShimProtocol.ShimClient.CallAsync:{method}.before");
        var id = Open(stream, envelope, onData is null ? FrameFlags.RemoteClosed : FrameFlags.RemoteOpen, descriptor);
        try
        {
            // After the stream is listed: an end that came before is seen here, one that comes later fails it.
            if (_end is { } end) throw new ShimFault(end.Code, end.Message);
            var answer = await stream.Response.WaitAsync(cancellation).ConfigureAwait(false);
            Failpoint.Hit($"ShimProtocol.ShimClient.CallAsync:{method}.after");
            return answer;
        }
        catch (OperationCanceledException)
        {
            Send(id, FrameType.Data, FrameFlags.RemoteClosed | FrameFlags.NoData, null);
            throw;
        }
        finally
        {
            _streams.TryRemove(id, out _);
        }
    }

    private uint Open(ClientStream stream, Request envelope, FrameFlags flags, SafeHandle? descriptor)
    {
        lock (_opening)
        {
            var id = _lastStream + 2;
            _streams[id] = stream;
            try
            {
                Send(id, FrameType.Request, flags, envelope, descriptor);
            }
            catch
            {
                _streams.TryRemove(id, out _); // larger than a frame may be: nothing was sent
                throw;
            }

            return _lastStream = id;
        }
    }

    private void Send(uint streamId, FrameType type, FrameFlags flags, IMessage? message, SafeHandle? descriptor = null)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        FrameEncoder.Write(buffer, streamId, type, flags, message);
        _outbox.Writer.TryWrite(new Outgoing(buffer.WrittenMemory, descriptor));
    }

    private async Task WriteLoopAsync()
    {
        try
        {
            await foreach (var (bytes, descriptor) in _outbox.Reader.ReadAllAsync(_closing.Token).ConfigureAwait(false))
            {
                if (descriptor is not null)
                {
                    if (TrySend(bytes.Span, descriptor)) continue;
                    End(new ShimFault(FaultCode.Unavailable, "the shim's socket took no descriptor"));
                    return;
                }

                for (var rest = bytes; !rest.IsEmpty;)
                    rest = rest[await _socket.SendAsync(rest, SocketFlags.None, _closing.Token).ConfigureAwait(false)..];
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            End(new ShimFault(FaultCode.Unavailable, $"the connection to the shim ended: {e.Message}", e));
        }
    }

    /// <summary>All at once, as a descriptor has to go with the bytes that it belongs to.</summary>
    private bool TrySend(ReadOnlySpan<byte> bytes, SafeHandle descriptor)
    {
        var held = false;
        try
        {
            descriptor.DangerousAddRef(ref held);
            return UnixSocket.TrySend((int)_socket.Handle, bytes, [(int)descriptor.DangerousGetHandle()]);
        }
        finally
        {
            if (held) descriptor.DangerousRelease();
        }
    }

    private async Task ReadLoopAsync()
    {
        var decoder = new FrameDecoder();
        try
        {
            while (true)
            {
                var count = await _socket.ReceiveAsync(decoder.GetMemory(), SocketFlags.None, _closing.Token).ConfigureAwait(false);
                if (count == 0) break;
                decoder.Advance(count);
                while (decoder.TryRead(out var frame)) Dispatch(frame);
            }

            End(new ShimFault(FaultCode.Unavailable, "the shim closed the connection"));
        }
        catch (Exception e)
        {
            // Whatever it is, a receiver of output that throws too: without a reader no call would ever end.
            End(new ShimFault(FaultCode.Unavailable, $"the connection to the shim ended: {e.Message}", e));
        }
    }

    private void Dispatch(Frame frame)
    {
        // A stream that is not listed was cancelled by us; the shim's last words on it are of no interest.
        if (!_streams.TryGetValue(frame.Header.StreamId, out var stream)) return;
        if (frame.Header.Type == FrameType.Response) stream.Complete(Response.Parser.ParseFrom(frame.Payload.Span));
        else if (frame.Header.Type != FrameType.Data) throw new FrameException($"a {frame.Header.Type} frame from the shim");
        else if (!frame.Header.Flags.HasFlag(FrameFlags.NoData)) stream.Data(frame.Payload);
    }

    private void End(ShimFault reason)
    {
        if (Interlocked.CompareExchange(ref _end, reason, null) is not null) return;
        _outbox.Writer.TryComplete();
        _closing.Cancel();
        foreach (var stream in _streams.Values) stream.Fail(new ShimFault(reason.Code, reason.Message, reason.InnerException));
    }

    private readonly record struct Outgoing(ReadOnlyMemory<byte> Bytes, SafeHandle? Descriptor);
}
