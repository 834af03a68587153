using System.Globalization;
using Microsoft.Extensions.Logging;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Shims;

/// <summary>
/// Puts a new shim where the daemon's end does not hit it: the cgroup shims beside the daemon's own processes, when the daemon is a unit
/// on cgroup v2. Elsewhere it stays in the daemon's cgroup. What is refused is said once. (Its oom_score_adj the shim lowers itself.)
/// </summary>
internal sealed class ShimPlacement(ILogger log)
{
    private const string UnifiedMount = "/sys/fs/cgroup";
    private readonly string? _cgroup = FindCgroup();
    private bool _refused;

    public void Place(int pid)
    {
        if (_cgroup is null || _refused) return;
        try
        {
            Enter(_cgroup, pid);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            _refused = true;
            log.LogWarning("shims stay in the daemon's cgroup: '{Cgroup}': {Cause}", _cgroup, e.Message);
        }
    }

    private static void Enter(string cgroup, int pid)
    {
        Directory.CreateDirectory(cgroup);
        CgroupFile.Write(Path.Combine(cgroup, "cgroup.procs"), pid.ToString(CultureInfo.InvariantCulture));
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
