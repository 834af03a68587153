using System.Text;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Runtime.Shims;

/// <summary>A memfd (memfd_create(2)) that holds bytes and can never be changed again: what a child is handed to read.</summary>
internal static unsafe class SealedMemory
{
    private const int F_ADD_SEALS = 1033;
    private const int EverySeal = 1 | 2 | 4 | 8; // SEAL, SHRINK, GROW, WRITE

    public static SafeFileHandle Create(string name, ReadOnlySpan<byte> content)
    {
        var memory = CreateOpen(name);
        RandomAccess.Write(memory, content, 0);
        if (fcntl((int)memory.DangerousGetHandle(), F_ADD_SEALS, EverySeal) < 0) throw new LinuxException("fcntl F_ADD_SEALS", errno, name);
        return memory;
    }

    /// <summary>Not sealed: for a child to write into.</summary>
    public static SafeFileHandle CreateOpen(string name)
    {
        fixed (byte* label = Encoding.UTF8.GetBytes(name + '\0'))
        {
            var fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
            return fd >= 0 ? new SafeFileHandle(fd, true) : throw new LinuxException("memfd_create", errno, name);
        }
    }
}
