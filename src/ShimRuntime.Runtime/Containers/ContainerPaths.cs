namespace ShimRuntime.Runtime.Containers;

/// <summary>Where one container's files are; see the architecture's "State on disk".</summary>
public sealed class ContainerPaths(RuntimeOptions options)
{
    /// <summary>&lt;root&gt;/containers: durable.</summary>
    public string AllDurable { get; } = Path.Combine(options.Root, "containers");

    /// <summary>&lt;state&gt;/c: gone at reboot.</summary>
    public string AllVolatile { get; } = Path.Combine(options.State, "c");

    public string RuncRoot { get; } = Path.Combine(options.State, "runc");

    /// <summary>Where recovery puts what it can't read.</summary>
    public string Aside { get; } = Path.Combine(options.Root, "aside");

    /// <summary>What is being written or read: emptied by every start.</summary>
    public string Staging { get; } = Path.Combine(options.Root, "staging");

    /// <summary>Signs the checkpoints of this node; the operator may give several nodes the same.</summary>
    public string CheckpointKey { get; } = Path.Combine(options.Root, "checkpoint.key");

    public static string Id16(string id) => id[..16];

    public string Durable(string id) => Path.Combine(AllDurable, id);

    public string Request(string id) => Path.Combine(Durable(id), "request.pb");

    public string Record(string id) => Path.Combine(Durable(id), "record.json");

    /// <summary>Written by the shim alone.</summary>
    public string Exit(string id) => Path.Combine(Durable(id), "exit.json");

    /// <summary>When it was started, for a reboot that comes before its end: no fsync, because losing it costs a time in a status.</summary>
    public string Started(string id) => Path.Combine(Durable(id), "started");

    /// <summary>The image's volumes; gone with the container.</summary>
    public string Volumes(string id) => Path.Combine(Durable(id), "volumes");

    /// <summary>What a container is to come back from, until it has: CRIU's images, criu.conf, restore.log.</summary>
    public string Restore(string id) => Path.Combine(Durable(id), "restore");

    /// <summary>config.json of a generation.</summary>
    public string Config(string id, uint generation) => Path.Combine(Bundle(id, generation), "config.json");

    public string Run(string id) => Path.Combine(AllVolatile, Id16(id));

    public string Socket(string id) => Path.Combine(Run(id), "shim.sock");

    /// <summary>Written by the shim alone.</summary>
    public string ShimRecord(string id) => Path.Combine(Run(id), "shim.json");

    public string ShimLog(string id) => Path.Combine(Run(id), "shim.log");

    /// <summary>Written by the shim alone.</summary>
    public string SwapRecord(string id) => Path.Combine(Run(id), "swap.json");

    /// <summary>An overlay mount of (container, writable layer): all generations that share the layer share it.</summary>
    /// <param name="generation">The one whose swap made it; 1: the container's create.</param>
    public string Rootfs(string id, uint generation = 1) => Path.Combine(Run(id), generation == 1 ? "rootfs" : $"rootfs-{generation}");

    /// <summary>In a bundle: where runc hands a filter's descriptor to the shim.</summary>
    public string FilterSocket(string id, uint generation) => Path.Combine(Bundle(id, generation), "bind.sock");

    /// <summary>In a bundle: the directory of the socket that sd_notify speaks to. A short name: sun_path has 108 bytes.</summary>
    public string Notify(string id, uint generation) => Path.Combine(Bundle(id, generation), "n");

    /// <summary>Id-mapped views of layers, while an overlay is being mounted over them.</summary>
    public string Layers(string id) => Path.Combine(Run(id), "layers");

    /// <summary>Id-mapped copies of volumes, from creation to start.</summary>
    public string StagedVolumes(string id) => Path.Combine(Run(id), "volumes");

    /// <summary>Mounts that the daemon prepares: images that the container mounts.</summary>
    public string Mounts(string id) => Path.Combine(Run(id), "mounts");

    public string Bundle(string id, uint generation) => Path.Combine(Run(id), $"g{generation}");
}
