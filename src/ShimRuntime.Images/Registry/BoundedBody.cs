namespace ShimRuntime.Images;

/// <summary>Reads a whole answer into memory, never more than a limit and never waiting longer than the stall timeout for a byte.</summary>
internal static class BoundedBody
{
    public static async Task<byte[]> ReadAsync(HttpContent content, int maxBytes, TimeSpan stall, CancellationToken cancellation)
    {
        if (content.Headers.ContentLength > maxBytes) throw new RegistryException($"the answer is larger than {maxBytes} bytes");
        await using var body = await content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        using var all = new MemoryStream();
        var block = new byte[32 * 1024];
        while (await StallTimeout.ReadAsync(body, block, stall, cancellation).ConfigureAwait(false) is > 0 and var count)
        {
            if (all.Length + count > maxBytes) throw new RegistryException($"the answer is larger than {maxBytes} bytes");
            all.Write(block, 0, count);
        }

        return all.ToArray();
    }
}

/// <summary>A read that fails with <see cref="TimeoutException"/> when no byte comes in time.</summary>
internal static class StallTimeout
{
    public static async ValueTask<int> ReadAsync(Stream stream, Memory<byte> buffer, TimeSpan stall, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(stall);
        try
        {
            return await stream.ReadAsync(buffer, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"no byte came for {stall.TotalSeconds:0.#} s");
        }
    }
}
