using System.Text;

namespace ShimRuntime.Linux;

/// <summary>
/// One name in a directory: 1 to 255 bytes, any but '/' and NUL, and never "." or "..". A call that takes a FileName beside a directory
/// descriptor can't leave that directory, whoever chose the name. Bytes, because Linux file names have no encoding.
/// </summary>
public readonly struct FileName : IEquatable<FileName>
{
    public const int MaxBytes = 255;
    private readonly byte[]? _terminated;

    private FileName(byte[] terminated) => _terminated = terminated;

    /// <summary>Without the terminator.</summary>
    public ReadOnlySpan<byte> Bytes => _terminated.AsSpan(0, _terminated is null ? 0 : _terminated.Length - 1);

    /// <summary>NUL-terminated, for a system call.</summary>
    internal ReadOnlySpan<byte> Terminated => _terminated ?? throw new InvalidOperationException("an empty file name");

    /// <summary>False for what a directory entry can't be called.</summary>
    public static bool TryCreate(ReadOnlySpan<byte> name, out FileName result)
    {
        result = default;
        if (name.IsEmpty || name.Length > MaxBytes || name.ContainsAny((byte)'/', (byte)0)) return false;
        if (name.SequenceEqual("."u8) || name.SequenceEqual(".."u8)) return false;
        var terminated = new byte[name.Length + 1];
        name.CopyTo(terminated);
        result = new FileName(terminated);
        return true;
    }

    /// <summary>For names of our own making; throws <see cref="ArgumentException"/> for a bad one.</summary>
    public static FileName Create(string name) =>
        TryCreate(Encoding.UTF8.GetBytes(name), out var result)
            ? result
            : throw new ArgumentException($"'{name}' is not a file name", nameof(name));

    public bool Equals(FileName other) => Bytes.SequenceEqual(other.Bytes);

    public override bool Equals(object? obj) => obj is FileName other && Equals(other);

    public static bool operator ==(FileName left, FileName right) => left.Equals(right);

    public static bool operator !=(FileName left, FileName right) => !left.Equals(right);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <summary>For messages: bytes outside printable ASCII as \ooo.</summary>
    public override string ToString() => PathBytes.Display(Bytes);
}
