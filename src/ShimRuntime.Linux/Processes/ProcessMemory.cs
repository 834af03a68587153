using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <summary>Another process's memory (process_vm_readv(2)).</summary>
public static unsafe partial class ProcessMemory
{
    /// <summary>True when all of <paramref name="target"/> was filled from <paramref name="address"/> on.</summary>
    public static bool TryRead(int thread, ulong address, Span<byte> target)
    {
        fixed (byte* buffer = target)
        {
            var (local, remote) = (new Vector { Base = (nuint)buffer, Length = (nuint)target.Length },
                new Vector { Base = (nuint)address, Length = (nuint)target.Length });
            return ProcessVmReadV(thread, &local, 1, &remote, 1, 0) == target.Length;
        }
    }

    [LibraryImport("libc", EntryPoint = "process_vm_readv", SetLastError = true)]
    private static partial nint ProcessVmReadV(int pid, Vector* local, nuint localCount, Vector* remote, nuint remoteCount, nuint flags);

    [StructLayout(LayoutKind.Sequential)]
    private struct Vector
    {
        public nuint Base;
        public nuint Length;
    }
}
