using System.Text;

namespace ShimRuntime.Daemon.Configuration;

/// <summary>What --help prints: made from <see cref="ConfigKeys"/>, so that no flag is missing.</summary>
internal static class HelpText
{
    public static string Render()
    {
        var text = new StringBuilder(
            """
            shimruntimed: Kubernetes container runtime (CRI v1) with one small shim per container and runc below

            usage: shimruntimed [flags]

              --config FILE                     settings as TOML; flags override it

            """);
        var defaults = new DaemonConfig();
        text.Replace("settings as TOML", $"settings as TOML (default {DaemonConfig.DefaultPath}, if there)");
        foreach (var key in ConfigKeys.All.Where(k => k.Flag is not null))
        {
            text.Append($"  {key.Flag} {key.Placeholder}".PadRight(36)).Append($"{key.Help} ({key.Show(defaults)})\n");
        }

        text.Append(
            """
              --check                           check settings and machine, say what is wrong, end (exit code 1: it would not work)
              --doctor                          while no daemon serves: find what is left without an owner, end (exit code 1: something was found);
                                                of a daemon that serves, ask: shimctl doctor
              --fix                             with --doctor: remove it (exit code 1: something is left)
              --version                         print the version, end
              --help                            print this, end

            keys of the config file without a flag:

            """);
        foreach (var key in ConfigKeys.All.Where(k => k.Flag is null))
        {
            text.Append("  ").Append($"{key.Name} = {key.Show(defaults)}".PadRight(34)).Append("  ").Append(key.Help).Append('\n');
        }

        return text.Append(
            """

            examples:
              shimruntimed                                             serve as installed
              shimruntimed --check --config ./config.toml              try a configuration without starting anything
              shimruntimed --root /srv/b/lib --state /run/b --listen unix:///run/b/cri.sock --log-level debug
                                                                       a second runtime beside the first

            """).ToString();
    }
}
