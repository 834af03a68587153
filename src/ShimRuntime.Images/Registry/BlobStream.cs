using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// A blob as one unbroken stream of exactly the descriptor's size: a connection that drops, stalls or ends early is opened again at the
/// byte that is missing. Gives up after several failures without progress. Reads only.
/// </summary>
/// <param name="open">Opens the blob at an offset, trying endpoint after endpoint.</param>
/// <param name="fetched">Told the bytes so far, after each read.</param>
internal sealed class BlobStream(Descriptor blob, Func<long, CancellationToken, Task<Stream>> open, RetryPolicy retry, Action<long> fetched)
    : ReadOnlyStream
{
    private const long ProgressBytes = 64 * 1024;
    private Stream? _body;
    private long _offset;
    private long _failedAt;
    private int _failures;
    private int _reopened;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0 || _offset == blob.Size) return await EndAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            try
            {
                _body ??= await open(_offset, cancellationToken).ConfigureAwait(false);
                var count = await StallTimeout.ReadAsync(_body, buffer, retry.Stall, cancellationToken).ConfigureAwait(false);
                if (count == 0) throw new IOException($"the connection ended {blob.Size - _offset} bytes early");
                if (count > blob.Size - _offset) throw Larger();
                _offset += count;
                fetched(_offset);
                return count;
            }
            catch (OperationCanceledException)
            {
                // Its connection went with the read that was cut: who reads on (to tell damage from a bad archive) needs a new one.
                await DropAsync().ConfigureAwait(false);
                throw;
            }
            catch (Exception e) when (e is IOException or HttpRequestException or TimeoutException)
            {
                await DropAsync().ConfigureAwait(false);
                await AgainAsync(e, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _body?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Every byte came: whatever the server would still send is a blob of another size.</summary>
    private async ValueTask<int> EndAsync(CancellationToken cancellation)
    {
        if (_offset < blob.Size || _body is null) return 0;
        var probe = new byte[1];
        var more = 0;
        try
        {
            more = await StallTimeout.ReadAsync(_body, probe, retry.Stall, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or TimeoutException)
        {
            more = 0;
        }

        await DropAsync().ConfigureAwait(false);
        return more == 0 ? 0 : throw Larger();
    }

    private async Task AgainAsync(Exception failure, CancellationToken cancellation)
    {
        if (_offset - _failedAt >= ProgressBytes) _failures = 0;
        _failedAt = _offset;
        if (++_failures >= retry.Attempts || ++_reopened > retry.MaxReopened)
            throw new RegistryException(
                $"blob {blob.Digest} stops at byte {_offset} of {blob.Size}: {failure.Message}", null, failure)
            { IsTransient = true };
        await retry.WaitAsync(_failures, null, cancellation).ConfigureAwait(false);
    }

    private async ValueTask DropAsync()
    {
        if (_body is not null) await _body.DisposeAsync().ConfigureAwait(false);
        _body = null;
    }

    private RegistryException Larger() => new($"blob {blob.Digest} is larger than the {blob.Size} bytes that its descriptor gives");
}
