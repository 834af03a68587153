using System.Text;
using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Node;

namespace ShimRuntime.Daemon.Configuration;

/// <summary>What settings must be to each other.</summary>
internal static class ConfigRules
{
    /// <summary>The longest socket below the state directory: one shim's.</summary>
    private const string ShimSocket = "/c/0123456789abcdef/shim.sock";

    public static DaemonConfig Checked(DaemonConfig config)
    {
        if (config.Root == config.State || IsBelow(config.Root, config.State) || IsBelow(config.State, config.Root))
        {
            throw new ConfigException($"root '{config.Root}' and state '{config.State}' have to be apart, neither one below the other");
        }

        var most = ListeningSocket.LongestPathBytes - ShimSocket.Length;
        if (Encoding.UTF8.GetByteCount(config.State) > most)
        {
            throw new ConfigException($"state '{config.State}' is longer than {most} bytes: the shims' socket paths would not fit");
        }

        var strangers = config.HotSwapOfHandlers.Keys.Where(h => h != RuntimeHandlers.Default && config.Runtimes.All(r => r.Name != h)).ToList();
        if (strangers.Count > 0) throw new ConfigException($"hotswap.{strangers[0]}: there is no [runtimes.{strangers[0]}]");
        return config with { CgroupRoot = CgroupRoot(config) };
    }

    /// <summary>The default is the driver's: /shimruntime, shimruntime.slice.</summary>
    private static string CgroupRoot(DaemonConfig config)
    {
        var (root, isSlice) = (config.CgroupRoot, SliceName.IsSlice(config.CgroupRoot));
        if (config.CgroupDriver == "systemd" == isSlice) return root;
        if (root == new DaemonConfig().CgroupRoot) return root[1..] + SliceName.Suffix;
        throw new ConfigException(isSlice
            ? $"cgroup_root '{root}' is a slice, and cgroup_driver is cgroupfs; give a path such as /shimruntime"
            : $"cgroup_root '{root}' is no slice, and cgroup_driver is systemd; give a name such as shimruntime.slice");
    }

    private static bool IsBelow(string path, string parent) => path.StartsWith(parent + "/", StringComparison.Ordinal);
}
