using System.Globalization;
using Microsoft.Extensions.Logging;

namespace ShimRuntime.Runtime.Shims;

/// <summary>
/// Puts a new shim where neither the daemon's end nor memory pressure hits it: the cgroup shims beside the daemon's own processes when
/// the daemon is a unit on cgroup v2, and oom_score_adj −999 where the kernel lets us. What is refused is said once.
/// </summary>
internal sealed class ShimPlacement(ILogger log)
{
    private const string UnifiedMount = "/sys/fs/cgroup";
    private const string OomScoreAdjust = "-999";
    private readonly string? _cgroup = FindCgroup();
    private bool _cgroupRefused;
    private bool _scoreRefused;

    public void Place(int pid)
    {
        if (_cgroup is not null && !_cgroupRefused) _cgroupRefused = !Try(() => Enter(_cgroup, pid), "move shims to their own cgroup");
        if (!_scoreRefused) _scoreRefused = !Try(() => Write($"/proc/{pid}/oom_score_adj", OomScoreAdjust), "protect shims from the OOM killer");
    }

    private bool Try(Action action, string what)
    {
        try
        {
            action();
            return true;
        }
        catch (Exception e) when (e is UnauthorizedAccessException)
        {
            log.LogInformation("can't {What}: {Cause}", what, e.Message);
            return false;
        }
        catch (IOException e)
        {
            log.LogDebug("could not {What}: {Cause}", what, e.Message);
            return true;
        }
    }

    private static void Enter(string cgroup, int pid)
    {
        Directory.CreateDirectory(cgroup);
        Write(Path.Combine(cgroup, "cgroup.procs"), pid.ToString(CultureInfo.InvariantCulture));
    }

    private static void Write(string path, string value)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(file, System.Text.Encoding.ASCII.GetBytes(value), 0);
    }

    /// <summary>Null unless /proc/self/cgroup has the one line of a pure cgroup v2 machine and names a service.</summary>
    private static string? FindCgroup()
    {
        var lines = File.ReadAllLines("/proc/self/cgroup");
        if (lines is not [var line] || !line.StartsWith("0::/", StringComparison.Ordinal)) return null;
        var own = line["0::".Length..];
        return own.Split('/').Any(s => s.EndsWith(".service", StringComparison.Ordinal)) ? $"{UnifiedMount}{own}/shims" : null;
    }
}
