using System.Text;
using ShimRuntime.Daemon.Hosting;

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

        return config;
    }

    private static bool IsBelow(string path, string parent) => path.StartsWith(parent + "/", StringComparison.Ordinal);
}
