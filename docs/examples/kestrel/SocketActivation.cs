using System.Globalization;

namespace ShimRuntime.Examples.Kestrel;

/// <summary>Listeners that the starter of this process has left open for it (sd_listen_fds(3)).</summary>
internal static class SocketActivation
{
    private const int First = 3; // SD_LISTEN_FDS_START

    /// <summary>Descriptors; none when there are none for this very process.</summary>
    public static IReadOnlyList<int> Listeners()
    {
        var count = Number("LISTEN_FDS");
        return count > 0 && Number("LISTEN_PID") == Environment.ProcessId ? [.. Enumerable.Range(First, count)] : [];
    }

    private static int Number(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;
}
