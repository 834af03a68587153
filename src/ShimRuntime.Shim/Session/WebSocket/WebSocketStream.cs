using ShimRuntime.Shim.Session.Wire;

namespace ShimRuntime.Shim.Session.WebSocket;

/// <summary>One channel. TCP's window is the only one.</summary>
internal sealed class WebSocketStream(WebSocketChannels channels, byte number) : ClientStream
{
    private bool _finished;
    private bool _ended;

    public override int Room => !_finished && channels.IsCongested ? 0 : int.MaxValue;

    public override void Write(ReadOnlySpan<byte> bytes)
    {
        if (!_finished) channels.Send(number, bytes);
    }

    public override void Finish()
    {
        if (_finished) return;
        _finished = true;
        channels.TellEnd(number);
    }

    public override void Reset() => Finish();

    public override void Consumed(int bytes)
    {
    }

    internal void Received(ReadOnlySpan<byte> bytes)
    {
        if (!_ended) Sink?.Accept(bytes);
    }

    internal void ReceiveEnd()
    {
        if (_ended) return;
        _ended = true;
        Sink?.End();
    }

    internal void Abort()
    {
        _finished = _ended = true;
        OnAborted?.Invoke();
    }
}
