using System.Runtime.InteropServices;
using System.Text;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// Another program in the place of this one (execveat(2)): pid, children, pending signals, the calling thread's mask and every descriptor that is not
/// close-on-exec stay; every other thread, and all memory, is gone.
/// </summary>
public static unsafe partial class ProgramExchange
{
    private const int AtEmptyPath = 0x1000;
    private const int SetName = 15; // PR_SET_NAME

    /// <summary>This process's own program, whatever has become of its path. Close-on-exec.</summary>
    /// <exception cref="LinuxException">There is no /proc, or no descriptor is free.</exception>
    public static int OpenSelf()
    {
        using var path = new CString("/proc/self/exe");
        var fd = open(path.Pointer, O_PATH | O_CLOEXEC);
        return fd >= 0 ? fd : throw new LinuxException("open", errno, "/proc/self/exe");
    }

    /// <summary>Runs the program with an empty environment. Returns only by throwing: then nothing has changed.</summary>
    /// <exception cref="LinuxException">ENOEXEC and the like.</exception>
    public static void Execute(int program, IReadOnlyList<string> arguments)
    {
        var texts = arguments.Select(a => Encoding.UTF8.GetBytes(a + '\0')).ToArray();
        var handles = texts.Select(t => GCHandle.Alloc(t, GCHandleType.Pinned)).ToArray();
        var argv = stackalloc byte*[texts.Length + 1];
        for (var i = 0; i < texts.Length; i++) argv[i] = (byte*)handles[i].AddrOfPinnedObject();
        argv[texts.Length] = null;
        byte* none = null;
        byte empty = 0;
        _ = execveat(program, &empty, argv, &none, AtEmptyPath);
        var error = Marshal.GetLastPInvokeError();
        foreach (var handle in handles) handle.Free();
        throw new LinuxException("execveat", error, arguments[0]);
    }

    /// <summary>What ps shows: a program that was executed by descriptor is called by its number (before Linux 6.14).</summary>
    public static void SetProcessName(string name)
    {
        using var text = new CString(name);
        _ = prctl(SetName, (nint)text.Pointer, 0, 0, 0);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int execveat(int directory, byte* path, byte** argv, byte** envp, int flags);

    [LibraryImport("libc")]
    private static partial int prctl(int option, nint second, nint third, nint fourth, nint fifth);
}
