using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// Files that nobody misses: temporary names, sockets, inputs and logs of command lines. The base library's delete throws when the
/// directory itself is gone, and whoever cleans up must not lose its next step to that.
/// </summary>
public static unsafe class ScratchFile
{
    /// <summary>unlink(2), best effort.</summary>
    public static void Delete(string path)
    {
        using var name = new CString(path);
        _ = unlink(name.Pointer);
    }
}
