using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <summary>
/// A NUL-terminated UTF-8 copy of a string in native memory, for one system call: <c>using var path = new CString(text);</c>.
/// </summary>
/// <remarks>Refuses a string with a NUL inside: the kernel would read a shorter path than the one that was checked.</remarks>
internal readonly unsafe ref struct CString
{
    public CString(string? text)
    {
        if (text is not null && text.Contains('\0')) throw new ArgumentException("a path or option contains NUL", nameof(text));
        Pointer = (byte*)Marshal.StringToCoTaskMemUTF8(text);
    }

    /// <summary>NULL for a null string.</summary>
    public byte* Pointer { get; }

    public void Dispose() => Marshal.FreeCoTaskMem((nint)Pointer);
}
