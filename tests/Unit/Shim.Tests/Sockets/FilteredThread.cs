using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Tests.Sockets;

/// <summary>A thread of which every bind(2) waits for a supervisor, as in a container with such a filter, and the kernel's own filter at that.</summary>
internal sealed unsafe partial class FilteredThread : IEpollHandler, IDisposable
{
    private const nint SysSeccomp = 317;
    private const int SetModeFilter = 1;
    private const int NewListener = 8;
    private static readonly ulong[] BindWaits =
    [
        0x00000000_00_00_0020, // load the call's number
        Jump(49),
        0x7fc00000_00_00_0006, // SECCOMP_RET_USER_NOTIF
        0x7fff0000_00_00_0006, // SECCOMP_RET_ALLOW
    ];

    private readonly PipeEnds _done = FileDescriptor.CreatePipe();
    private readonly ManualResetEventSlim _ready = new();
    private readonly Thread _thread;
    private EpollLoop? _loop;
    private Exception? _failure;

    public FilteredThread(Action body)
    {
        _thread = new Thread(() => Run(body)) { IsBackground = true };
        _thread.Start();
        _ready.Wait(TimeSpan.FromSeconds(30));
    }

    /// <summary>The filter's descriptor.</summary>
    public int Notify { get; private set; } = -1;

    /// <summary>Runs the loop until the thread has ended.</summary>
    public void RunUntilDone(EpollLoop loop)
    {
        _loop = loop;
        loop.Add(_done.Read, (uint)EPOLLIN, this);
        loop.Run();
        loop.Remove(_done.Read);
        if (_failure is not null) throw new InvalidOperationException("the thread failed", _failure);
    }

    public void OnReady(uint events) => _loop!.Stop();

    public void Dispose()
    {
        var (read, write) = (_done.Read, _done.Write);
        FileDescriptor.Close(ref read);
        FileDescriptor.Close(ref write);
    }

    private void Run(Action body)
    {
        try
        {
            Notify = Install();
            _ready.Set();
            if (Notify < 0) throw new LinuxException("seccomp", Marshal.GetLastPInvokeError());
            body();
        }
        catch (Exception e)
        {
            _failure = e;
        }

        using var end = new SafeFileHandle(_done.Write, false);
        byte one = 1;
        FileDescriptor.Write(_done.Write, &one, 1);
    }

    private static int Install()
    {
        fixed (ulong* code = BindWaits)
        {
            var program = stackalloc nint[2] { BindWaits.Length, (nint)code };
            return (int)Seccomp(SysSeccomp, SetModeFilter, NewListener, program);
        }
    }

    /// <summary>BPF_JMP | BPF_JEQ: the next instruction, or the one after it.</summary>
    private static ulong Jump(uint number) => ((ulong)number << 32) | (1ul << 24) | 0x15;

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Seccomp(nint number, uint operation, uint flags, nint* program);
}
