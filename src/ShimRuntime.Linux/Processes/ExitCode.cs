using System.Buffers.Binary;

namespace ShimRuntime.Linux;

/// <summary>How a process ended. <paramref name="Signal"/> is 0 for one that exited by itself.</summary>
/// <param name="Code">0–255; 128 + signal when killed, as shells and CRI count.</param>
public readonly record struct ExitCode(int Code, int Signal)
{
    private const int CLD_EXITED = 1;

    /// <summary>Reads siginfo_t as waitid(2) fills it: si_code at 8, si_pid at 16 (0: nothing to reap yet), si_status at 24.</summary>
    internal static ExitCode? FromSigInfo(ReadOnlySpan<byte> info)
    {
        if (BinaryPrimitives.ReadInt32LittleEndian(info[12..]) == 0 && BinaryPrimitives.ReadInt32LittleEndian(info[16..]) == 0) return null;
        var status = BinaryPrimitives.ReadInt32LittleEndian(info[24..]);
        return BinaryPrimitives.ReadInt32LittleEndian(info[8..]) == CLD_EXITED ? new ExitCode(status & 0xff, 0) : new ExitCode(128 + status, status);
    }

    public override string ToString() => Signal == 0 ? $"exit code {Code}" : $"signal {Signal}";
}
