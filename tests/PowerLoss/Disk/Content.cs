using System.Security.Cryptography;

namespace ShimRuntime.PowerLoss.Tests.Disk;

/// <summary>What a file holds at one moment. Immutable, so that a thousand disk images share it.</summary>
public sealed class Content(byte[] bytes)
{
    private const int Block = 4096;
    private const int Sector = 512;
    private Variant? _zeroed, _torn, _short;
    private readonly Lazy<string> _hash = new(() => Convert.ToHexStringLower(SHA256.HashData(bytes)));

    public static Content Empty { get; } = new([]);

    public ReadOnlySpan<byte> Bytes => bytes;

    public string Hash => _hash.Value;

    public Content With(long offset, ReadOnlySpan<byte> written)
    {
        var next = new byte[Math.Max(bytes.Length, offset + written.Length)];
        bytes.CopyTo(next, 0);
        written.CopyTo(next.AsSpan((int)offset));
        return new Content(next);
    }

    public Content Resized(long size)
    {
        var next = new byte[size];
        bytes.AsSpan(0, (int)Math.Min(size, bytes.Length)).CopyTo(next);
        return new Content(next);
    }

    /// <summary>The size is on disk, the blocks that differ from <paramref name="durable"/> are not: they read as they were, or as zeroes.</summary>
    public Content Zeroed(Content durable) => Remembered(ref _zeroed, durable, MakeZeroed);

    /// <summary>Of the last block that differs from <paramref name="durable"/> the second half was not written: 512-byte sectors, or bytes in a smaller one.</summary>
    public Content Torn(Content durable) => Remembered(ref _torn, durable, MakeTorn);

    /// <summary>The last block that differs ends in its middle.</summary>
    public Content Short(Content durable) => Remembered(ref _short, durable, MakeShort);

    /// <summary>A file stays as dirty as it is for many calls.</summary>
    private static Content Remembered(ref Variant? last, Content durable, Func<Content, Content> make)
    {
        if (last?.Durable != durable) last = new Variant(durable, make(durable));
        return last.Result;
    }

    private Content MakeZeroed(Content durable)
    {
        var next = bytes.ToArray();
        for (var at = 0; at < next.Length; at += Block)
        {
            if (Differs(durable, at)) Restore(next, durable, at, Math.Min(Block, next.Length - at));
        }

        return new Content(next);
    }

    private Content MakeTorn(Content durable)
    {
        if (LastDifference(durable) is not { } at) return this;
        var next = bytes.ToArray();
        var half = Half(at);
        Restore(next, durable, at + half, Math.Min(Block, next.Length - at) - half);
        return new Content(next);
    }

    private Content MakeShort(Content durable) => LastDifference(durable) is { } at ? Resized(Math.Max(durable.Bytes.Length < bytes.Length ? durable.Bytes.Length : 0, at + Half(at))) : this;

    private int Half(int at)
    {
        var used = Math.Min(Block, bytes.Length - at);
        return used >= 2 * Sector ? used / 2 / Sector * Sector : used / 2;
    }

    private int? LastDifference(Content durable)
    {
        int? last = null;
        for (var at = 0; at < bytes.Length; at += Block)
        {
            if (Differs(durable, at)) last = at;
        }

        return last;
    }

    private bool Differs(Content durable, int at)
    {
        var mine = bytes.AsSpan(at, Math.Min(Block, bytes.Length - at));
        return at >= durable.Bytes.Length || !mine.SequenceEqual(durable.Bytes[at..Math.Min(durable.Bytes.Length, at + mine.Length)]);
    }

    private static void Restore(byte[] next, Content durable, int at, int count)
    {
        var span = next.AsSpan(at, count);
        span.Clear();
        if (at < durable.Bytes.Length) durable.Bytes[at..Math.Min(durable.Bytes.Length, at + count)].CopyTo(span);
    }

    private sealed record Variant(Content Durable, Content Result);
}
