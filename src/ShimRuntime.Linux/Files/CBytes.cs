using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <summary>A NUL-terminated copy of bytes in native memory, for one system call. Refuses bytes with a NUL inside.</summary>
internal readonly unsafe ref struct CBytes
{
    public CBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Contains((byte)0)) throw new ArgumentException("a path or name contains NUL", nameof(bytes));
        Pointer = (byte*)NativeMemory.Alloc((nuint)bytes.Length + 1);
        bytes.CopyTo(new Span<byte>(Pointer, bytes.Length));
        Pointer[bytes.Length] = 0;
    }

    public byte* Pointer { get; }

    public void Dispose() => NativeMemory.Free(Pointer);
}
