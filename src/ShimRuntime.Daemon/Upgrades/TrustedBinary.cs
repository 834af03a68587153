using System.Globalization;
using System.Text;
using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Daemon.Upgrades;

/// <summary>What the daemon would run as root has to be root's, and nobody else's to change: the file, and every directory on the way to it.</summary>
internal static class TrustedBinary
{
    private const uint WritableByOthers = 0x12; // 0022

    /// <exception cref="RuntimeFault">FailedPrecondition: it, or a directory above it, is not.</exception>
    public static void Check(string path)
    {
        foreach (var way in (ReadOnlySpan<string>)[path, RealPath(path)])
        {
            for (var at = way; at is not null; at = Path.GetDirectoryName(at)) CheckOne(path, at);
        }
    }

    private static void CheckOne(string path, string at)
    {
        var status = Status(at) ?? throw Refused(path, $"there is no '{at}'");
        if (status.Uid != 0) throw Refused(path, $"'{at}' belongs to uid {status.Uid}, not to root");
        if ((status.Mode & WritableByOthers) != 0 && (status.Mode & (uint)S_ISVTX) == 0) throw Refused(path, $"'{at}' may be written to by others than root");
    }

    /// <summary>Without links, as the kernel has it.</summary>
    private static string RealPath(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            return new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file.DangerousGetHandle()}")).LinkTarget ?? path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused(path, e.Message);
        }
    }

    /// <summary>Of what a link leads to.</summary>
    private static unsafe (uint Uid, uint Mode)? Status(string path)
    {
        Tmds.Linux.stat status;
        fixed (byte* p = Encoding.UTF8.GetBytes(path + '\0')) return stat(p, &status) == 0 ? ((uint)status.st_uid, (uint)status.st_mode) : null;
    }

    private static RuntimeFault Refused(string path, string cause) =>
        RuntimeFault.FailedPrecondition($"failed to upgrade the daemon to '{path}': {cause}; the running one goes on");
}
