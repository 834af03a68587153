using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// flock(2) on <c>daemon.lock</c> in a directory of ours: one daemon a directory. The kernel drops it with the process, however that
/// ends; the file stays, and holds the owner's pid for the sentence that the second one prints.
/// </summary>
internal sealed partial class DirectoryLock : IDisposable
{
    public const string FileName = "daemon.lock";
    private const int LOCK_EX = 2;
    private const int LOCK_NB = 4;
    private readonly SafeFileHandle _file;

    private DirectoryLock(SafeFileHandle file, string path) => (_file, Path) = (file, path);

    public string Path { get; }

    /// <exception cref="RuntimeFault">FailedPrecondition, with the pid, when another daemon holds the directory.</exception>
    public static DirectoryLock Take(string directory, string flag)
    {
        var path = System.IO.Path.Combine(directory, FileName);
        var file = Open(path, O_RDWR | O_CREAT);
        try
        {
            if (flock(file, LOCK_EX | LOCK_NB) != 0)
            {
                throw RuntimeFault.FailedPrecondition(
                    $"failed to lock '{directory}': the daemon with pid {Owner(file)} serves from it; "
                        + $"stop that one, or give this one another {flag}");
            }

            var held = new DirectoryLock(file, path);
            held.Sign();
            return held;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The pid of the daemon that holds the directory; null when nobody does.</summary>
    public static string? Holder(string directory)
    {
        var path = System.IO.Path.Combine(directory, FileName);
        if (!File.Exists(path)) return null;
        using var file = Open(path, O_RDONLY);
        return flock(file, LOCK_EX | LOCK_NB) == 0 ? null : Owner(file);
    }

    /// <summary>False: the file was deleted or replaced since, and somebody else could lock the one that is there now.</summary>
    public bool IsInPlace => FileIdentity.TryRead(Path) is { } there && there == FileIdentity.TryRead($"/proc/self/fd/{_file.DangerousGetHandle()}");

    /// <summary>Whose pid is in the file; it is for people.</summary>
    public string Signature => Owner(_file);

    /// <summary>Puts our pid into the file.</summary>
    public void Sign()
    {
        RandomAccess.SetLength(_file, 0);
        RandomAccess.Write(_file, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n")), 0);
    }

    public void Dispose() => _file.Dispose();

    private static string Owner(SafeFileHandle file)
    {
        Span<byte> text = stackalloc byte[16];
        var count = RandomAccess.Read(file, text, 0);
        var digits = text[..count].TrimEnd((byte)'\n');
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? $"{pid}" : "unknown";
    }

    /// <summary>By syscall: .NET's own opening takes a shared flock, and fails on a file that somebody has locked.</summary>
    private static unsafe SafeFileHandle Open(string path, int flags)
    {
        fixed (byte* p = Encoding.UTF8.GetBytes(path + '\0'))
        {
            var fd = open(p, flags | O_CLOEXEC | O_NOFOLLOW, (Tmds.Linux.mode_t)0x180); // 0600
            return fd >= 0 ? new SafeFileHandle(fd, true) : throw new LinuxException("open", errno, path);
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle file, int operation);
}
