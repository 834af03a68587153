using Grpc.Core;
using ShimRuntime.Cri.Operator.V1;

namespace ShimRuntime.Daemon.Services;

/// <summary>
/// The chunks of an ImportImage call as a stream to read, forwards only; memory is one chunk. The reader stands on the first message.
/// </summary>
internal sealed class ImportStream(IAsyncStreamReader<ImportImageRequest> requests) : Stream
{
    private ReadOnlyMemory<byte> _rest = requests.Current.Chunk.Memory;
    private bool _ended;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_rest.IsEmpty && !_ended)
        {
            if (await requests.MoveNext(cancellationToken)) _rest = requests.Current.Chunk.Memory;
            else _ended = true;
        }

        var count = Math.Min(buffer.Length, _rest.Length);
        _rest[..count].CopyTo(buffer);
        _rest = _rest[count..];
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>For readers that know no other way (tar, zstd); the daemon's thread pool waits for the client's next chunk.</summary>
    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override int Read(Span<byte> buffer)
    {
        var copy = new byte[Math.Min(buffer.Length, 64 * 1024)];
        var count = Read(copy, 0, copy.Length);
        copy.AsSpan(0, count).CopyTo(buffer);
        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
