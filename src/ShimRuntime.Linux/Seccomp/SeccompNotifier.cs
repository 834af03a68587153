using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <summary>
/// The supervisor's end of a seccomp filter with SCMP_ACT_NOTIFY (seccomp_unotify(2)): each filtered call waits here until it is answered.
/// What the caller has in its memory can change at any time, so nothing may be allowed to go on because of what was read there: only a
/// call that would have been allowed anyway is answered with <see cref="Continue"/>.
/// </summary>
public static unsafe partial class SeccompNotifier
{
    private const nuint NotifReceive = 0xc0502100; // linux/seccomp.h
    private const nuint NotifSend = 0xc0182101;
    private const nuint NotifIdValid = 0x40082102;
    private const nuint NotifAddFd = 0x40182103;
    private const uint FlagContinue = 1;
    private const uint AddFdSetFd = 1;
    private const int CloseOnExec = 0x80000;

    /// <summary>The next call that waits; false when there is none, or its caller was killed meanwhile. Call it when poll(2) says readable.</summary>
    public static bool TryReceive(int fd, out SeccompCall call)
    {
        call = default;
        Notification received = default; // the kernel demands zeros
        if (Ioctl(fd, NotifReceive, &received) < 0)
        {
            return Marshal.GetLastPInvokeError() is Errno.ENOENT or Errno.EINTR or Errno.EAGAIN
                ? false : throw LinuxException.Last("ioctl SECCOMP_IOCTL_NOTIF_RECV");
        }

        var arguments = new SeccompArguments(received.Args[0], received.Args[1], received.Args[2]);
        call = new SeccompCall(received.Id, (int)received.Pid, received.Number, received.Architecture, arguments);
        return true;
    }

    /// <summary>True while the caller still waits: what was read from its memory before that was its memory, not a successor's of its pid.</summary>
    public static bool IsWaiting(int fd, ulong cookie) => Ioctl(fd, NotifIdValid, &cookie) == 0;

    /// <summary>Lets the kernel do what was asked. A caller that is gone is no error.</summary>
    public static void Continue(int fd, ulong cookie) => Send(fd, new Response { Id = cookie, Flags = FlagContinue });

    /// <summary>The call returns <paramref name="value"/> and nothing is done. A caller that is gone is no error.</summary>
    public static void Answer(int fd, ulong cookie, long value) => Send(fd, new Response { Id = cookie, Value = value });

    /// <summary>
    /// Puts a duplicate of our <paramref name="descriptor"/> into the caller's table as its <paramref name="target"/>, in the place of what
    /// is there. The call waits on. False when the caller is gone, or can't have one.
    /// </summary>
    public static bool TryReplace(int fd, ulong cookie, int descriptor, (int Number, bool CloseOnExec) target)
    {
        var request = new AddFd
        {
            Id = cookie,
            Flags = AddFdSetFd,
            Source = (uint)descriptor,
            Target = (uint)target.Number,
            TargetFlags = target.CloseOnExec ? (uint)CloseOnExec : 0,
        };
        return Ioctl(fd, NotifAddFd, &request) >= 0;
    }

    private static void Send(int fd, Response response)
    {
        if (Ioctl(fd, NotifSend, &response) < 0 && Marshal.GetLastPInvokeError() != Errno.ENOENT)
            throw LinuxException.Last("ioctl SECCOMP_IOCTL_NOTIF_SEND");
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Ioctl(int fd, nuint request, void* argument);

    [StructLayout(LayoutKind.Sequential)]
    private struct Notification
    {
        public ulong Id;
        public uint Pid;
        public uint Flags;
        public int Number;
        public uint Architecture;
        public ulong InstructionPointer;
        public fixed ulong Args[6];
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Response
    {
        public ulong Id;
        public long Value;
        public int Error;
        public uint Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct AddFd
    {
        public ulong Id;
        public uint Flags;
        public uint Source;
        public uint Target;
        public uint TargetFlags;
    }
}
