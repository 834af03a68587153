using System.Diagnostics;

namespace ShimRuntime.Bench.Peer;

/// <summary>shimruntimed as `make build` makes it.</summary>
/// <param name="binaries">Directory of shimruntimed and shimruntime-shim.</param>
internal sealed class OurRuntime(string binaries) : ContestantKind
{
    public override string Name => "shimruntime";

    public override string Version { get; } = FirstLine(Path.Combine(binaries, "shimruntimed"), "--version");

    public override IReadOnlyList<string> Prepare(Stage stage, string directory, string socket)
    {
        var config = Path.Combine(directory, "config.toml");
        File.WriteAllText(config, $"""
            root = "{directory}/root"
            state = "{directory}/state"
            listen = "unix://{socket}"
            netns_dir = "{directory}/netns"
            cgroup_root = "{stage.CgroupOf(Name)}/pods"
            cni_conf_dir = "{stage.CniDirectory}"
            cni_bin_dir = ["{Site.PluginDirectory}"]
            log_level = "warn"

            """);
        Directory.CreateDirectory(Path.Combine(directory, "netns"));
        return [Path.Combine(binaries, "shimruntimed"), "--config", config];
    }

    private static string FirstLine(string path, string argument)
    {
        using var process = Process.Start(new ProcessStartInfo(path, argument) { RedirectStandardOutput = true })!;
        return process.StandardOutput.ReadToEnd().Split('\n')[0];
    }
}
