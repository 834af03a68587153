using System.Globalization;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Daemon.Logging;

/// <summary>Whether stderr is a stream to journald: JOURNAL_STREAM=device:inode is stderr's own (systemd.exec(5)).</summary>
internal static class JournalStream
{
    public static bool IsStderr() => Matches(Environment.GetEnvironmentVariable("JOURNAL_STREAM"));

    private static unsafe bool Matches(string? variable)
    {
        stat status;
        if (variable is null || fstat(2, &status) != 0) return false;
        return variable == string.Create(CultureInfo.InvariantCulture, $"{(ulong)status.st_dev}:{(ulong)status.st_ino}");
    }
}
