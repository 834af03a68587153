using ShimRuntime.Shim.Session.Wire;

namespace ShimRuntime.Shim.Session.Spdy;

/// <summary>
/// One stream of a <see cref="SpdyConnection"/>. It is over when both sides have finished, or either has reset it.
/// Windows: ours is announced as bytes find their way. The client's binds us once it has shown that it keeps one (by SETTINGS or a
/// first WINDOW_UPDATE): spdystream, which every Go client uses, never sends either, and would wait for ever for a sender that obeys
/// the default of 64 KiB.
/// </summary>
internal sealed class SpdyStream(SpdyConnection connection, uint id, IReadOnlyList<KeyValuePair<string, string>> headers) : ClientStream
{
    private const int WindowUpdateBytes = SpdyConnection.DefaultWindowBytes / 2;
    private long _sendWindow = connection.InitialSendWindow;
    private int _unannounced;
    private bool _isPausedByWindow;

    public uint Id { get; } = id;

    public bool SentFin { get; private set; }

    public bool ReceivedFin { get; private set; }

    public bool IsOver { get; private set; }

    public override int Room
    {
        get
        {
            if (IsOver || SentFin) return int.MaxValue; // what is written is dropped
            if (connection.IsCongested) return 0;
            if (!connection.ObeysWindows) return int.MaxValue;
            _isPausedByWindow = _sendWindow <= 0;
            return (int)Math.Clamp(_sendWindow, 0, int.MaxValue);
        }
    }

    /// <summary>The value of a header, by its name in any case; null when it is not there.</summary>
    public string? Header(string name)
    {
        foreach (var (key, value) in headers)
        {
            if (string.Equals(key, name, StringComparison.OrdinalIgnoreCase)) return value;
        }

        return null;
    }

    public override void Write(ReadOnlySpan<byte> bytes)
    {
        if (IsOver || SentFin || bytes.IsEmpty) return;
        _sendWindow -= bytes.Length;
        connection.SendData(Id, 0, bytes);
    }

    public override void Finish()
    {
        if (IsOver || SentFin) return;
        SentFin = true;
        connection.SendData(Id, SpdyFrameHeader.FlagFin, []);
        EndIfDone();
    }

    public override void Reset()
    {
        if (IsOver) return;
        connection.SendReset(Id, SpdyConnection.StatusCancel);
        End();
    }

    public override void Consumed(int bytes)
    {
        if (IsOver || ReceivedFin) return;
        _unannounced += bytes;
        if (_unannounced < WindowUpdateBytes) return;
        connection.SendWindowUpdate(Id, _unannounced);
        _unannounced = 0;
    }

    internal void Received(ReadOnlySpan<byte> bytes)
    {
        if (Sink is null) Consumed(bytes.Length);
        else if (!bytes.IsEmpty) Sink.Accept(bytes);
    }

    internal void ReceiveFin()
    {
        if (ReceivedFin) return;
        ReceivedFin = true;
        Sink?.End();
        EndIfDone();
    }

    /// <summary>The client reset it, or the connection has ended.</summary>
    internal void Abort()
    {
        if (IsOver) return;
        End();
        OnAborted?.Invoke();
        OnRoom?.Invoke();
    }

    /// <exception cref="WireException">The window would be larger than 2^31 - 1 (section 2.6.8).</exception>
    internal void Widen(long bytes)
    {
        _sendWindow += bytes;
        if (_sendWindow > int.MaxValue) throw new WireException($"a window of {_sendWindow} bytes");
        if (!_isPausedByWindow || Room == 0) return;
        _isPausedByWindow = false;
        OnRoom?.Invoke();
    }

    private void EndIfDone()
    {
        if (SentFin && ReceivedFin) End();
    }

    private void End()
    {
        IsOver = true;
        connection.Forget(this);
    }
}
