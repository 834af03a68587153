using System.IO.Pipelines;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// Puts an empty SETTINGS frame before a GOAWAY that would be a connection's first frame. Leaves everything else as it is, and completing to the
/// connection.
/// </summary>
internal sealed class SettingsFirstWriter(PipeWriter inner) : PipeWriter
{
    private const int HeaderBytes = 9; // RFC 9113, 4.1
    private const int TypeAt = 3;
    private const byte Settings = 4;
    private const byte GoAway = 7;
    private bool _hasBegun;
    private Memory<byte> _first;

    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_hasBegun) return inner.GetMemory(sizeHint);
        // Room for one frame is left before what will be written now.
        _first = inner.GetMemory(Math.Max(sizeHint, 1) + HeaderBytes);
        return _first[HeaderBytes..];
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => _hasBegun ? inner.GetSpan(sizeHint) : GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        if (_hasBegun || bytes == 0)
        {
            if (_hasBegun) inner.Advance(bytes);
            return;
        }

        _hasBegun = true;
        var written = _first.Span[HeaderBytes..(HeaderBytes + bytes)];
        if (bytes > TypeAt && written[TypeAt] == GoAway)
        {
            _first.Span[..HeaderBytes].Clear();
            _first.Span[TypeAt] = Settings;
            inner.Advance(HeaderBytes + bytes);
        }
        else
        {
            written.CopyTo(_first.Span);
            inner.Advance(bytes);
        }

        _first = default;
    }

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);
}
