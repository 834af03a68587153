using System.Text;
using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>memfd_create(2) files: what a child is handed to read, to write into, or to be executed from. All are close-on-exec here.</summary>
public static unsafe class MemoryFile
{
    private const uint MFD_EXEC = 0x10; // Linux 6.3
    private const int F_ADD_SEALS = 1033;
    private const int F_SEAL_SEAL = 1;
    private const int F_SEAL_SHRINK = 2;
    private const int F_SEAL_GROW = 4;
    private const int F_SEAL_WRITE = 8;

    /// <summary>Holds <paramref name="content"/> and can never change again; offset 0.</summary>
    public static SafeFileHandle Sealed(string name, ReadOnlySpan<byte> content)
    {
        var memory = Sealable(name);
        Fill(memory, content);
        return memory;
    }

    /// <summary>Empty, for <see cref="Fill"/>.</summary>
    public static SafeFileHandle Sealable(string name) => Create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    /// <summary>Makes of an empty <see cref="Sealable"/> file what <see cref="Sealed"/> makes, for whoever has it open already.</summary>
    public static void Fill(SafeFileHandle memory, ReadOnlySpan<byte> content)
    {
        RandomAccess.Write(memory, content, 0);
        _ = Seal(memory, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, "of a memory file");
    }

    /// <summary>As <see cref="Sealed"/>, for execveat(2): whoever reaches it through /proc/&lt;pid&gt;/exe reaches no file of the host.</summary>
    public static SafeFileHandle SealedExecutable(string name, ReadOnlySpan<byte> program)
    {
        var memory = Create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
        RandomAccess.Write(memory, program, 0);
        return Seal(memory, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, name);
    }

    /// <summary>Takes at most <paramref name="capacityBytes"/>: a write past them fails with EPERM in the writer. Empty pages cost nothing.</summary>
    public static SafeFileHandle Bounded(string name, int capacityBytes)
    {
        var memory = Create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (ftruncate((int)memory.DangerousGetHandle(), capacityBytes) < 0) throw new LinuxException("ftruncate", errno, name);
        return Seal(memory, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW, name);
    }

    /// <summary>
    /// What has been written to a <see cref="Bounded"/> file through the descriptors that a child inherited: they share the offset with
    /// ours, so it stands behind the last byte.
    /// </summary>
    public static byte[] ReadWritten(SafeFileHandle memory)
    {
        var length = (long)lseek((int)memory.DangerousGetHandle(), 0, SEEK_CUR);
        if (length < 0) throw new LinuxException("lseek", errno);
        var content = new byte[length];
        _ = RandomAccess.Read(memory, content, 0);
        return content;
    }

    private static SafeFileHandle Create(string name, uint flags)
    {
        fixed (byte* label = Encoding.UTF8.GetBytes(name + '\0'))
        {
            var fd = memfd_create(label, flags);
            if (fd < 0 && errno == Errno.EINVAL) fd = memfd_create(label, flags & ~MFD_EXEC);
            return fd >= 0 ? new SafeFileHandle(fd, true) : throw new LinuxException("memfd_create", errno, name);
        }
    }

    private static SafeFileHandle Seal(SafeFileHandle memory, int seals, string name)
    {
        if (fcntl((int)memory.DangerousGetHandle(), F_ADD_SEALS, seals) >= 0) return memory;
        var error = errno;
        memory.Dispose();
        throw new LinuxException("fcntl F_ADD_SEALS", error, name);
    }
}
