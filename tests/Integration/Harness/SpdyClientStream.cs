using System.Text;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>One stream of a <see cref="SpdyClient"/>: keeps everything that comes.</summary>
public sealed class SpdyClientStream(SpdyClient client, uint id)
{
    private readonly MemoryStream _received = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public uint Id { get; } = id;

    /// <summary>Completes with the other side's FIN, its reset, or the connection's end.</summary>
    public Task Ended => _ended.Task;

    public bool WasReset { get; private set; }

    public long Count
    {
        get
        {
            lock (_received) return _received.Length;
        }
    }

    public byte[] Bytes()
    {
        lock (_received) return _received.ToArray();
    }

    public string Text() => Encoding.UTF8.GetString(Bytes());

    public async Task<string> ReadToEndAsync()
    {
        await _ended.Task.WaitAsync(Eventually.Patience);
        return Text();
    }

    public Task SawAsync(string text) => Eventually.True(() => Text().Contains(text, StringComparison.Ordinal), $"'{text}' on stream {Id}");

    public Task WriteAsync(string text) => WriteAsync(Encoding.UTF8.GetBytes(text));

    public Task WriteAsync(ReadOnlyMemory<byte> bytes) => client.SendDataAsync(Id, 0, bytes);

    /// <summary>Half-closes: sends nothing more.</summary>
    public Task CloseAsync() => client.SendDataAsync(Id, 1, default);

    public Task ResetAsync() => client.SendResetAsync(Id);

    internal void Take(byte[] bytes)
    {
        lock (_received) _received.Write(bytes);
    }

    internal void End() => _ended.TrySetResult();

    internal void Reset()
    {
        WasReset = true;
        End();
    }
}
