using System.Security.Cryptography;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>Passes bytes through and hashes them; refuses to go on past a limit.</summary>
/// <param name="maxBytes">More than this is an <see cref="InvalidDataException"/>.</param>
internal sealed class DigestStream(Stream inner, long maxBytes) : ReadOnlyStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public long BytesRead { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        BytesRead += count;
        if (BytesRead > maxBytes) throw new InvalidDataException($"more than {maxBytes} bytes");
        _hash.AppendData(buffer.Span[..count]);
        return count;
    }

    /// <summary>Reads what is left, so that the digest covers all.</summary>
    public async Task DrainAsync(CancellationToken cancellation)
    {
        var block = new byte[64 * 1024];
        while (await ReadAsync(block, cancellation).ConfigureAwait(false) > 0)
        {
        }
    }

    /// <summary>Digest of everything read so far.</summary>
    public Digest Current() => Digest.FromHash(_hash.GetCurrentHash());

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
