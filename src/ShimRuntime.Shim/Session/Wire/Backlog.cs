namespace ShimRuntime.Shim.Session.Wire;

/// <summary>
/// Bytes of the client's that wait for slow takers, over all streams of a session. Beyond the limit nothing more is read from the
/// client's socket: clients of today (spdystream) know no window, so TCP's is the only brake there is.
/// </summary>
internal sealed class Backlog
{
    private const int StopBytes = 1024 * 1024;
    private const int GoBytes = StopBytes / 2;
    private long _bytes;

    /// <summary>True: read nothing more.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Called when <see cref="IsFull"/> has become false again.</summary>
    public Action? OnRoom { get; set; }

    public void Add(int bytes)
    {
        _bytes += bytes;
        IsFull |= _bytes > StopBytes;
    }

    public void Remove(int bytes)
    {
        _bytes -= bytes;
        if (!IsFull || _bytes > GoBytes) return;
        IsFull = false;
        OnRoom?.Invoke();
    }
}
