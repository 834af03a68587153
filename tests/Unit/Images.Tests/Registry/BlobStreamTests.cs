using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Oci;
using Xunit;

namespace ShimRuntime.Images.Tests.Registry;

public class BlobStreamTests
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 200).Select(n => (byte)n)];

    [Fact]
    public async Task AfterAReadThatWasCutTheNextOneGoesOnAtTheMissingByte()
    {
        var offsets = new List<long>();
        var blob = new Descriptor { MediaType = "x", Digest = TestImage.Hash(Content), Size = Content.Length };
        await using var stream = new BlobStream(
            blob,
            (offset, _) =>
            {
                offsets.Add(offset);
                return Task.FromResult<Stream>(new Cut(Content[(int)offset..], offsets.Count == 1 ? 50 : int.MaxValue));
            },
            new RetryPolicy { Stall = TimeSpan.FromSeconds(30) },
            _ => { });
        var buffer = new byte[50];
        await stream.ReadExactlyAsync(buffer);
        using var cut = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await stream.ReadExactlyAsync(buffer, cut.Token));
        using var rest = new MemoryStream();
        await stream.CopyToAsync(rest);
        Assert.Equal(Content[50..], rest.ToArray());
        Assert.Equal([0L, 50L], offsets);
    }

    /// <summary>As a connection's body is: it stalls, and once a read of it was cancelled it is closed.</summary>
    private sealed class Cut(byte[] content, int stallsAt) : ReadOnlyStream
    {
        private int _at;
        private bool _closed;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            if (_at == stallsAt)
            {
                _closed = true;
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            var count = Math.Min(Math.Min(buffer.Length, content.Length - _at), stallsAt - _at);
            content.AsMemory(_at, count).CopyTo(buffer);
            _at += count;
            return count;
        }
    }
}
