using ShimRuntime.Linux;
using ShimRuntime.Shim.Session.Spdy;
using ShimRuntime.Shim.Session.WebSocket;
using ShimRuntime.Shim.Session.Wire;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Session.Remote;

/// <summary>
/// The client's side of an exec or attach: agrees on a protocol, waits for the streams that the CRI request named, and at the end sends
/// the status after everything else. Over SPDY the client opens a stream for each; over WebSocket the channels are there.
/// </summary>
internal sealed class RemoteConnection : IDisposable
{
    private static readonly string[] Channels = ["stdin", "stdout", "stderr", "error", "resize"]; // numbered so over WebSocket
    private static readonly TimeSpan CreationTimeout = TimeSpan.FromSeconds(30); // kubelet's streamCreationTimeout
    private readonly SessionHost _host;
    private readonly ClientStreams _wanted;
    private readonly Dictionary<string, ClientStream> _streams = [];
    private readonly LoopTimer _creation;
    private SpdyConnection? _spdy;
    private WebSocketChannels? _channels;
    private ProtocolVersion _version;
    private bool _finished;

    public RemoteConnection(SessionHost host, ClientStreams wanted)
    {
        (_host, _wanted) = (host, wanted);
        _creation = host.Loop.CreateTimer(() => End("the client did not create its streams in time"));
        host.Socket.OnEnded = SocketEnded;
        host.Socket.OnDrained = Drained;
    }

    /// <summary>Called once, when all streams are there.</summary>
    public required Action OnReady { get; init; }

    /// <summary>Columns and rows of the client's terminal; also before <see cref="OnReady"/>.</summary>
    public required Action<ushort, ushort> OnResize { get; init; }

    /// <summary>Called once, when the client is there no more: after its own doing, or after <see cref="Finish"/>.</summary>
    public required Action OnGone { get; init; }

    /// <summary>Called with the descriptor that stdin is written to, when the client's last byte was.</summary>
    public Action<int>? OnStdinEnd { get; init; }

    public StreamToFd? Stdin { get; private set; }

    public ClientStream? Stdout => _streams.GetValueOrDefault("stdout");

    public ClientStream? Stderr => _streams.GetValueOrDefault("stderr");

    public bool HasResize => _wanted.Tty && _version.HasResize;

    /// <summary>Answers the request.</summary>
    public void Open()
    {
        var request = _host.Request;
        var ours = request.Websocket ? ProtocolVersion.WebSocket : ProtocolVersion.Spdy;
        var offered = request.Websocket ? request.WebsocketProtocols : request.StreamProtocols;
        if (ProtocolVersion.Choose(ours, offered) is not { } version)
        {
            HttpAnswer.RefuseProtocol(_host.Socket, offered, ours.Select(v => v.Name));
            return;
        }

        _version = version;
        HttpAnswer.Upgrade(_host.Socket, request, version.Name);
        if (request.Websocket) OpenChannels();
        else OpenSpdy();
    }

    public void Dispose() => _spdy?.Dispose();

    public void Succeed() => Finish(StatusText.Success(_version));

    public void Exit(int code) => Finish(StatusText.Exited(_version, code));

    public void Fail(string message) => Finish(StatusText.Failed(_version, message));

    private void OpenSpdy()
    {
        _spdy = new SpdyConnection(_host.Socket, TakeStream);
        _host.Socket.Receiver = _spdy;
        _creation.Set(CreationTimeout);
    }

    private void OpenChannels()
    {
        var connection = new WebSocketConnection(_host.Socket);
        _channels = new WebSocketChannels(connection, new ChannelFormat(_version.IsBase64, _version.Number >= 5, false), Channels.Length);
        _host.Socket.Receiver = connection;
        for (var i = 0; i < Channels.Length; i++)
        {
            if (Expects(Channels[i])) Take(Channels[i], _channels[i]);
        }

        // An empty message tells the client that the connection stands, as kubelet does it.
        (Stdout ?? Stderr ?? _streams["error"]).Write([]);
        // Soon, not now: the owner's fields are not set before this returns.
        _host.Loop.Post(Ready);
    }

    private bool Expects(string name) => name switch
    {
        "error" => true,
        "stdin" => _wanted.Stdin,
        "stdout" => _wanted.Stdout,
        "stderr" => _wanted.Stderr && !_wanted.Tty,
        "resize" => HasResize,
        _ => false,
    };

    private int ExpectedCount => Channels.Count(Expects);

    private void TakeStream(SpdyStream stream)
    {
        var name = stream.Header("streamType") ?? "";
        if (!Expects(name) || _streams.ContainsKey(name))
        {
            stream.Reset();
            return;
        }

        Take(name, stream);
        if (_streams.Count == ExpectedCount) Ready();
    }

    private void Take(string name, ClientStream stream)
    {
        _streams[name] = stream;
        if (name == "stdin") Stdin = new StreamToFd(_host.Loop, stream, _host.Socket.Inbound, OnStdinEnd);
        if (name == "resize") stream.Sink = new ResizeSink(stream, OnResize);
    }

    private void Ready()
    {
        _creation.Clear();
        if (!_finished) OnReady();
    }

    private void Finish(byte[] status)
    {
        if (_finished) return;
        _finished = true;
        var error = _streams["error"];
        if (status.Length > 0) error.Write(status);
        foreach (var stream in _streams.Values) stream.Finish();
        Close();
    }

    private void End(string why)
    {
        _host.Log(why);
        _finished = true;
        Close();
    }

    private void Close()
    {
        if (_spdy is not null) _spdy.Close();
        else _channels?.Close();
    }

    private void Drained()
    {
        _spdy?.Drained();
        _channels?.Drained();
    }

    private void SocketEnded(string why)
    {
        if (why.Length > 0 && !_finished) _host.Log(why);
        _finished = true;
        _creation.Clear();
        _spdy?.Abort();
        _channels?.Abort();
        OnGone();
    }
}
