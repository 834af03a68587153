using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Daemon.Upgrades;

/// <summary>What the daemon would run as root has to be root's, and nobody else's to change: the file, and every directory on the way to it.</summary>
/// <param name="noun">Of what it is to replace: the daemon, the shims.</param>
internal readonly struct TrustedBinary(string noun)
{
    private const uint WritableByOthers = 0x12; // 0022

    /// <exception cref="RuntimeFault">
    /// FailedPrecondition: it, or a directory above it, is not. InvalidArgument: the path is not absolute.
    /// </exception>
    public void Check(string path) => Open(path).Dispose();

    /// <summary>As <see cref="Check"/>; the very file that was checked, to be run by its descriptor.</summary>
    public SafeFileHandle Open(string path)
    {
        if (!Path.IsPathFullyQualified(path)) throw RuntimeFault.InvalidArgument($"failed to upgrade {noun}: binary '{path}' is no absolute path");
        SafeFileHandle file;
        try
        {
            file = File.OpenHandle(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused(path, e.Message);
        }

        try
        {
            // Without links, as the kernel has it.
            var real = new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file.DangerousGetHandle()}")).LinkTarget ?? path;
            foreach (var way in (ReadOnlySpan<string>)[path, real])
            {
                for (var at = way; at is not null; at = Path.GetDirectoryName(at)) CheckOne(path, at);
            }

            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void CheckOne(string path, string at)
    {
        var status = Status(at) ?? throw Refused(path, $"there is no '{at}'");
        if (status.Uid != 0) throw Refused(path, $"'{at}' belongs to uid {status.Uid}, not to root");
        if ((status.Mode & WritableByOthers) != 0 && (status.Mode & (uint)S_ISVTX) == 0) throw Refused(path, $"'{at}' may be written to by others than root");
    }

    /// <summary>Of what a link leads to.</summary>
    private static unsafe (uint Uid, uint Mode)? Status(string path)
    {
        Tmds.Linux.stat status;
        fixed (byte* p = Encoding.UTF8.GetBytes(path + '\0')) return stat(p, &status) == 0 ? ((uint)status.st_uid, (uint)status.st_mode) : null;
    }

    private RuntimeFault Refused(string path, string cause) =>
        RuntimeFault.FailedPrecondition($"failed to upgrade {noun} to '{path}': {cause}; nothing has changed");
}
