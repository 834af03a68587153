using System.Net;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>The body of a blob's answer, positioned at the offset that was asked for; owns the response.</summary>
internal sealed class BlobBody : ReadOnlyStream
{
    private readonly HttpResponseMessage _response;
    private readonly Stream _body;

    private BlobBody(HttpResponseMessage response, Stream body)
    {
        _response = response;
        _body = body;
    }

    /// <summary>Checks that status, range and length agree with the descriptor; a server without ranges is read up to the offset.</summary>
    public static async Task<Stream> OpenAsync(
        HttpResponseMessage response, Descriptor blob, long offset, TimeSpan stall, CancellationToken cancellation)
    {
        var headers = response.Content.Headers;
        var partial = response.StatusCode == HttpStatusCode.PartialContent;
        if (partial && (headers.ContentRange is not { } range || range.From != offset || (range.Length is { } whole && whole != blob.Size)))
            throw new RegistryException($"blob {blob.Digest}: the registry sent another range than the one from byte {offset}");
        if (headers.ContentLength is { } length && length != blob.Size - (partial ? offset : 0))
            throw new RegistryException($"blob {blob.Digest}: the registry sends {length} bytes where the descriptor says {blob.Size}");
        var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        if (!partial) await SkipAsync(body, offset, stall, cancellation).ConfigureAwait(false);
        return new BlobBody(response, body);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _body.ReadAsync(buffer, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing) _response.Dispose();
        base.Dispose(disposing);
    }

    private static async Task SkipAsync(Stream body, long bytes, TimeSpan stall, CancellationToken cancellation)
    {
        var block = new byte[64 * 1024];
        while (bytes > 0)
        {
            var count = await StallTimeout.ReadAsync(
                body, block.AsMemory(0, (int)Math.Min(bytes, block.Length)), stall, cancellation).ConfigureAwait(false);
            if (count == 0) throw new EndOfStreamException("the connection ended before the byte to go on from");
            bytes -= count;
        }
    }
}
