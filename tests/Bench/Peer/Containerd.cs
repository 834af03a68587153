namespace ShimRuntime.Bench.Peer;

/// <summary>Debian's containerd with its own root, state, socket and CRI settings: the same runc, CNI plugins, network and registry as ours.</summary>
/// <param name="directory">What eng/peer.sh made.</param>
internal sealed class Containerd(string directory) : ContestantKind
{
    public override string Name => "containerd";

    public override string Version { get; } = File.ReadAllText(Path.Combine(directory, "version")).Trim();

    public string PauseArchive { get; } = Path.Combine(directory, "pause.tar");

    public override IReadOnlyList<string> Prepare(Stage stage, string home, string socket)
    {
        var config = Path.Combine(home, "config.toml");
        File.WriteAllText(config, $"""
            version = 2
            root = "{home}/root"
            state = "{home}/state"
            disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
              "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
            [grpc]
              address = "{socket}"
            [debug]
              level = "warn"
            [plugins."io.containerd.internal.v1.opt"]
              path = "{home}/opt"
            [plugins."io.containerd.grpc.v1.cri"]
              sandbox_image = "{stage.PauseImage}"
              restrict_oom_score_adj = true
              netns_mounts_under_state_dir = true
              [plugins."io.containerd.grpc.v1.cri".cni]
                bin_dir = "{Site.PluginDirectory}"
                conf_dir = "{stage.CniDirectory}"
              [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
                runtime_type = "io.containerd.runc.v2"
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
                  BinaryName = "/usr/sbin/runc"
                  SystemdCgroup = false

            """);
        return [Path.Combine(directory, "bin", "containerd"), "--config", config];
    }
}
