using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>
/// A child process that has made a user namespace, and others that belong to it, and keeps them until they are pinned: the kernel refuses a
/// new user namespace to a process with several threads, which every .NET process has (unshare(2)), so a program of 56 bytes does it.
/// <code>
///   this process                      holder
///   posix_spawn              ──────►  unshare(2)
///   reads fd 3's pipe        ◄──────  a byte; it ends with the errno as exit code when the kernel refuses
///   writes uid_map, gid_map
///   joins, sets up, pins
///   Dispose: closes fd 4's pipe ───►  end of file: it ends. So it does when this process dies.
/// </code>
/// </summary>
public sealed unsafe class UserNamespaceHolder : IDisposable
{
    private const int ReportFd = 3;
    private const int HoldFd = 4;
    private const int ProgramFd = 5;
    private const int FlagsOffset = 6;
    private const int ReadyMillis = 10_000;
    private const int EndMillis = 5_000;
    private const int SIGKILL = 9;
    private readonly SpawnedProcess _process;
    private readonly SafeFileHandle _hold;

    private UserNamespaceHolder(SpawnedProcess process, SafeFileHandle hold) => (_process, _hold) = (process, hold);

    private static ReadOnlySpan<byte> Code =>
    [
        0xb8, 0x10, 1, 0, 0, //      mov  eax, 272   ; unshare(2)
        0xbf, 0, 0, 0, 0, //         mov  edi, flags ; set below
        0x0f, 0x05, //               syscall
        0x89, 0xc7, //               mov  edi, eax
        0xf7, 0xdf, //               neg  edi        ; errno
        0x75, 31, //                 jnz  end
        0xb8, 1, 0, 0, 0, //         mov  eax, 1     ; write(3, stack, 1)
        0xbf, 3, 0, 0, 0, //         mov  edi, 3
        0x48, 0x89, 0xe6, //         mov  rsi, rsp
        0xba, 1, 0, 0, 0, //         mov  edx, 1
        0x0f, 0x05, //               syscall
        0x31, 0xc0, //               xor  eax, eax   ; read(4, stack, 1)
        0xbf, 4, 0, 0, 0, //         mov  edi, 4
        0x0f, 0x05, //               syscall
        0x31, 0xff, //               xor  edi, edi
        0xb8, 60, 0, 0, 0, //  end:  mov  eax, 60    ; exit(2)
        0x0f, 0x05, //               syscall
    ];

    /// <summary>Blocks until the namespaces are there and mapped, a few milliseconds. Throws <see cref="LinuxException"/> when the kernel refuses.</summary>
    /// <param name="kinds">Beside the user namespace, and owned by it.</param>
    public static UserNamespaceHolder Start(NamespaceKinds kinds, UserMappings mappings)
    {
        var (reportRead, reportWrite) = Handles(FileDescriptor.CreatePipe());
        var (holdRead, holdWrite) = Handles(FileDescriptor.CreatePipe());
        using var report = reportRead;
        UserNamespaceHolder holder;
        using (reportWrite)
        using (holdRead)
        using (var program = MemoryFile.SealedExecutable("userns", Program(kinds | NamespaceKinds.User)))
        {
            holder = new UserNamespaceHolder(Spawn(program, reportWrite, holdRead), holdWrite);
        }

        try
        {
            holder.AwaitReady(report);
            holder.WriteMap("uid_map", mappings.Uids);
            holder.WriteMap("gid_map", mappings.Gids);
            return holder;
        }
        catch
        {
            holder.Dispose();
            throw;
        }
    }

    /// <summary>Path of one of its namespaces: user, net, ipc, uts.</summary>
    public string Namespace(string name) => $"/proc/{_process.Pid}/ns/{name}";

    public void Dispose()
    {
        _hold.Dispose();
        if (!FileDescriptor.WaitReadable(_process.PidFd.Fd, EndMillis))
        {
            _ = _process.PidFd.Signal(SIGKILL);
            _ = FileDescriptor.WaitReadable(_process.PidFd.Fd, EndMillis);
        }

        _ = _process.PidFd.TryReap();
        _process.Dispose();
    }

    private static byte[] Program(NamespaceKinds kinds)
    {
        var code = Code.ToArray();
        BinaryPrimitives.WriteUInt32LittleEndian(code.AsSpan(FlagsOffset), (uint)kinds);
        return StaticProgram.File(code);
    }

    private static SpawnedProcess Spawn(SafeFileHandle program, SafeFileHandle report, SafeFileHandle hold) => Spawner.Spawn(new SpawnRequest
    {
        Path = $"/proc/self/fd/{ProgramFd}",
        Arguments = ["userns"],
        Fds = [new FdMapping(FileMetadata.Fd(report), ReportFd), new FdMapping(FileMetadata.Fd(hold), HoldFd), new FdMapping(FileMetadata.Fd(program), ProgramFd)],
        NewSession = true,
    });

    private void AwaitReady(SafeFileHandle report)
    {
        if (!FileDescriptor.WaitReadable(FileMetadata.Fd(report), ReadyMillis)) throw new LinuxException("unshare", Errno.ETIMEDOUT, "user namespace");
        byte ready;
        if (read(FileMetadata.Fd(report), &ready, 1) == 1) return;
        _ = FileDescriptor.WaitReadable(_process.PidFd.Fd, EndMillis);
        var exit = _process.PidFd.TryReap();
        throw new LinuxException("unshare", exit?.Code is > 0 and var error ? error : Errno.EIO, "user namespace");
    }

    private void WriteMap(string file, IdRange range)
    {
        var path = $"/proc/{_process.Pid}/{file}";
        // One write(2): the kernel takes a map whole, and once.
        using var map = System.IO.File.OpenHandle(path, FileMode.Open, FileAccess.Write);
        RandomAccess.Write(map, System.Text.Encoding.ASCII.GetBytes($"{range}\n"), 0);
    }

    private static (SafeFileHandle Read, SafeFileHandle Write) Handles(PipeEnds pipe) =>
        (new SafeFileHandle(pipe.Read, true), new SafeFileHandle(pipe.Write, true));
}
