using System.Runtime.InteropServices;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Calls on one path whose errno matters and which the base library would dress up (errno stays in LibC.errno).</summary>
internal static unsafe class NativePath
{
    public static int MakeDirectory(string path, uint mode)
    {
        var utf8 = Marshal.StringToCoTaskMemUTF8(path);
        var result = mkdir((byte*)utf8, (Tmds.Linux.mode_t)mode);
        Marshal.FreeCoTaskMem(utf8); // free(3) keeps errno
        return result;
    }

    public static int RemoveDirectory(string path)
    {
        var utf8 = Marshal.StringToCoTaskMemUTF8(path);
        var result = rmdir((byte*)utf8);
        Marshal.FreeCoTaskMem(utf8);
        return result;
    }

    public static int Open(string path, int flags, uint mode = 0)
    {
        var utf8 = Marshal.StringToCoTaskMemUTF8(path);
        var result = open((byte*)utf8, flags | O_CLOEXEC, (Tmds.Linux.mode_t)mode);
        Marshal.FreeCoTaskMem(utf8);
        return result;
    }
}
