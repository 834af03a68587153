namespace ShimRuntime.Daemon.Configuration;

/// <summary>All keys, in the order of help and of the installed config.toml.</summary>
internal static class ConfigKeys
{
    public static IReadOnlyList<ConfigKey> All { get; } =
    [
        Text(new("root", "--root", "DIR", "durable state: images, snapshots, records"),
            c => c.Root, (c, v) => c with { Root = Values.Directory(v) }),
        Text(new("state", "--state", "DIR", "state that a reboot deletes: sockets, mounts, namespaces"),
            c => c.State, (c, v) => c with { State = Values.Directory(v) }),
        Text(new("listen", "--listen", "unix:///PATH", "the CRI socket"),
            c => c.Listen, (c, v) => c with { Listen = Values.SocketUrl(v) }),
        Text(new("log_level", "--log-level", "LEVEL", "trace, debug, info, warn or error"),
            c => Values.LevelName(c.LogLevel), (c, v) => c with { LogLevel = Values.Level(v) }),
        Text(new("netns_dir", "--netns-dir", "DIR", "where network namespaces are pinned"),
            c => c.NetnsDirectory, (c, v) => c with { NetnsDirectory = Values.Directory(v) }),
        Text(new("cgroup_driver", null, "NAME", "cgroupfs or systemd; kubelet's cgroupDriver has to be the same"),
            c => c.CgroupDriver, (c, v) => c with { CgroupDriver = Values.CgroupDriver(v) }),
        Text(new("cgroup_root", null, "PATH", "parent of pods that name no cgroup_parent; a slice for systemd"),
            c => c.CgroupRoot, (c, v) => c with { CgroupRoot = Values.CgroupRoot(v) }),
        Texts(new("allowed_sysctls", null, "[NAMES]", "sysctls that a pod may set; a trailing * is a prefix"),
            c => c.AllowedSysctls, (c, v) => c with { AllowedSysctls = v }),
        Texts(new("cdi_spec_dirs", null, "[DIRS]", "CDI specs, the later of higher priority; [] turns CDI off"),
            c => c.CdiSpecDirectories, (c, v) => c with { CdiSpecDirectories = Values.DirectoriesOrNone(v) }),
        Truth(new("seccomp_default", null, "true|false", "RuntimeDefault is our profile; false: unconfined"),
            c => c.SeccompDefault, (c, v) => c with { SeccompDefault = v }),
        Text(new("apparmor_profile", null, "NAME", "what AppArmor's RuntimeDefault is; \"\" for unconfined"),
            c => c.ApparmorProfile, (c, v) => c with { ApparmorProfile = Values.ApparmorProfile(v) }),
        Truth(new("restore_unsealed", null, "true|false", "restore checkpoints that no known key has signed"),
            c => c.RestoreUnsealed, (c, v) => c with { RestoreUnsealed = v }),
        Text(new("cni_conf_dir", "--cni-conf-dir", "DIR", "network configuration lists; the lexically first is used"),
            c => c.CniConfDirectory, (c, v) => c with { CniConfDirectory = Values.Directory(v) }),
        Texts(new("cni_bin_dir", "--cni-bin-dir", "DIR", "where CNI plugins are; the flag may be repeated"),
            c => c.CniBinDirectories, (c, v) => c with { CniBinDirectories = Values.Directories(v) }),
        Seconds(new("cni_timeout_seconds", null, "NUMBER", "longest run of one plugin"),
            c => c.CniTimeout, (c, v) => c with { CniTimeout = v }),
        Text(new("registry_config_dir", "--registry-config-dir", "DIR", "certs.d: <host>/hosts.toml; \"\" for none"),
            c => c.RegistryConfigDirectory, (c, v) => c with { RegistryConfigDirectory = Values.DirectoryOrNone(v) }),
        Number(new("concurrent_layers", null, "NUMBER", "layers fetched at once, over all pulls"),
            c => c.ConcurrentLayers, (c, v) => c with { ConcurrentLayers = Values.Between(v, 1, 64) }),
        Seconds(new("stall_timeout_seconds", null, "NUMBER", "a transfer without a byte for this long is ended and resumed"),
            c => c.StallTimeout, (c, v) => c with { StallTimeout = v }),
        Texts(new("pinned_images", null, "[REFERENCES]", "images that garbage collection leaves alone"),
            c => c.PinnedImages, (c, v) => c with { PinnedImages = v }),
        Text(new("runc_path", null, "FILE", "\"\" for the first on the usual paths"),
            c => c.RuncPath, (c, v) => c with { RuncPath = Values.FileOrNone(v) }),
        Seconds(new("runc_timeout_seconds", null, "NUMBER", "longest run of one runc command"),
            c => c.RuncTimeout, (c, v) => c with { RuncTimeout = v }),
        Text(new("shim_path", null, "FILE", "\"\" for shimruntime-shim beside the daemon"),
            c => c.ShimPath, (c, v) => c with { ShimPath = Values.FileOrNone(v) }),
        Seconds(new("shim_call_timeout_seconds", null, "NUMBER", "longest wait for a shim's answer"),
            c => c.ShimCallTimeout, (c, v) => c with { ShimCallTimeout = v }),
        Text(new("stream_address", null, "ADDRESS", "loopback address that exec, attach and port-forward are served on"),
            c => c.StreamAddress, (c, v) => c with { StreamAddress = Values.LoopbackAddress(v) }),
        Number(new("stream_port", null, "NUMBER", "their port; 0 for one that is chosen once and kept"),
            c => c.StreamPort, (c, v) => c with { StreamPort = Values.Between(v, 0, 65535) }),
    ];

    public static ConfigKey? Find(string name) => All.FirstOrDefault(k => k.Name == name);

    public static ConfigKey? FindFlag(string flag) => All.FirstOrDefault(k => k.Flag == flag);

    private static ConfigKey Text(ConfigKey key, Func<DaemonConfig, string> read, Func<DaemonConfig, string, DaemonConfig> write) =>
        key with
        {
            Kind = ConfigValueKind.Text,
            Apply = (c, v) => write(c, (string)v),
            Show = c => Values.Quoted(read(c)),
        };

    private static ConfigKey Texts(
        ConfigKey key, Func<DaemonConfig, IReadOnlyList<string>> read, Func<DaemonConfig, IReadOnlyList<string>, DaemonConfig> write) =>
        key with
        {
            Kind = ConfigValueKind.Texts,
            Apply = (c, v) => write(c, (IReadOnlyList<string>)v),
            Show = c => $"[{string.Join(", ", read(c).Select(Values.Quoted))}]",
        };

    private static ConfigKey Number(ConfigKey key, Func<DaemonConfig, long> read, Func<DaemonConfig, long, DaemonConfig> write) => key with
    {
        Kind = ConfigValueKind.WholeNumber,
        Apply = (c, v) => write(c, (long)v),
        Show = c => $"{read(c)}",
    };

    private static ConfigKey Seconds(ConfigKey key, Func<DaemonConfig, TimeSpan> read, Func<DaemonConfig, TimeSpan, DaemonConfig> write) =>
        Number(key, c => (long)read(c).TotalSeconds, (c, v) => write(c, TimeSpan.FromSeconds(Values.Between(v, 1, 3600))));

    private static ConfigKey Truth(ConfigKey key, Func<DaemonConfig, bool> read, Func<DaemonConfig, bool, DaemonConfig> write) => key with
    {
        Kind = ConfigValueKind.Truth,
        Apply = (c, v) => write(c, (bool)v),
        Show = c => read(c) ? "true" : "false",
    };
}
