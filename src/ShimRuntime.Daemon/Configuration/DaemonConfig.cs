using System.Net;
using ShimRuntime.Images;
using ShimRuntime.Runtime;
using ShimRuntime.Runtime.Node;
using ShimRuntime.Runtime.Swap;

namespace ShimRuntime.Daemon.Configuration;

/// <summary>
/// Everything that a node operator can set: config.toml under its flags, over these defaults. <see cref="ConfigKeys"/> names each.
/// </summary>
internal sealed record DaemonConfig
{
    public const string DefaultPath = "/etc/shimruntime/config.toml";

    public string Root { get; init; } = "/var/lib/shimruntime";

    public string State { get; init; } = "/run/shimruntime";

    /// <summary>unix:///PATH.</summary>
    public string Listen { get; init; } = "unix:///run/shimruntime/shimruntime.sock";

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    public string NetnsDirectory { get; init; } = "/run/netns";

    public string CniConfDirectory { get; init; } = "/etc/cni/net.d";

    public IReadOnlyList<string> CniBinDirectories { get; init; } = ["/opt/cni/bin", "/usr/lib/cni"];

    public TimeSpan CniTimeout { get; init; } = TimeSpan.FromSeconds(60);

    public string RegistryConfigDirectory { get; init; } = "/etc/shimruntime/certs.d";

    public int ConcurrentLayers { get; init; } = 6;

    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public IReadOnlyList<string> PinnedImages { get; init; } = [];

    /// <summary>Empty: the first runc on the usual paths.</summary>
    public string RuncPath { get; init; } = "";

    /// <summary>[runtimes.NAME]: handlers beside the default one, or in its place.</summary>
    public IReadOnlyList<RuntimeHandlerOptions> Runtimes { get; init; } = [];

    /// <summary>[hotswap].</summary>
    public HotSwapPolicy HotSwap { get; init; } = new();

    /// <summary>[hotswap.NAME], by handler.</summary>
    public IReadOnlyDictionary<string, HotSwapPolicy> HotSwapOfHandlers { get; init; } = new Dictionary<string, HotSwapPolicy>();

    public TimeSpan RuncTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Empty: shimruntime-shim beside the daemon's own binary.</summary>
    public string ShimPath { get; init; } = "";

    public TimeSpan ShimCallTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public string CgroupDriver { get; init; } = "cgroupfs";

    public string CgroupRoot { get; init; } = "/shimruntime";

    public IReadOnlyList<string> AllowedSysctls { get; init; } = ["kernel.shm*", "kernel.msg*", "kernel.sem", "fs.mqueue.*", "net.*"];

    /// <summary>Later ones of higher priority; empty: CDI is off.</summary>
    public IReadOnlyList<string> CdiSpecDirectories { get; init; } = ["/etc/cdi", "/var/run/cdi"];

    public bool SeccompDefault { get; init; } = true;

    /// <summary>Empty: unconfined.</summary>
    public string ApparmorProfile { get; init; } = Runtime.Node.ApparmorProfile.Name;

    /// <summary>False: only checkpoints sealed with this node's key are restored.</summary>
    public bool RestoreUnsealed { get; init; }

    /// <summary>Where clients of Exec, Attach and PortForward connect; a loopback address.</summary>
    public string StreamAddress { get; init; } = "127.0.0.1";

    /// <summary>0: the kernel chooses once, and the choice is kept.</summary>
    public int StreamPort { get; init; }

    public IPEndPoint StreamEndPoint() => new(IPAddress.Parse(StreamAddress), StreamPort);

    /// <summary>The CRI socket's absolute path.</summary>
    public string SocketPath => Listen["unix://".Length..];

    public RuntimeOptions ToRuntimeOptions() => new()
    {
        Root = Root,
        State = State,
        NetnsDirectory = NetnsDirectory,
        CniConfDirectory = CniConfDirectory,
        CniBinDirectories = CniBinDirectories,
        CniTimeout = CniTimeout,
        RuncPath = Executables.Runc(RuncPath),
        Handlers = Runtimes,
        HotSwap = HotSwap,
        HotSwapOfHandlers = HotSwapOfHandlers,
        RuncTimeout = RuncTimeout,
        ShimPath = Executables.Shim(ShimPath),
        ShimCallTimeout = ShimCallTimeout,
        CgroupDriver = CgroupDriver,
        CgroupRoot = CgroupRoot,
        AllowedSysctls = AllowedSysctls,
        CdiSpecDirectories = CdiSpecDirectories,
        SeccompDefault = SeccompDefault,
        ApparmorProfile = ApparmorProfile,
        RestoreUnsealed = RestoreUnsealed,
    };

    public ImageOptions ToImageOptions() => new()
    {
        Root = Root,
        RegistryConfigDirectory = RegistryConfigDirectory,
        ConcurrentLayers = ConcurrentLayers,
        StallTimeout = StallTimeout,
        PinnedImages = PinnedImages,
    };
}
