namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>Where everything of a sandbox is: each path follows from its id alone, so that a record that was lost loses nothing.</summary>
internal sealed class SandboxPaths(RuntimeOptions options)
{
    private const int ShortIdDigits = 16;

    /// <summary>Durable: one directory per sandbox with request.pb, record.json, cni.json, cni-result.json.</summary>
    public string AllDurable { get; } = Path.Combine(options.Root, "sandboxes");

    /// <summary>Gone at reboot: one directory per sandbox with ns/, shm/, init/, resolv.conf, hostname.</summary>
    public string AllVolatile { get; } = Path.Combine(options.State, "sandboxes");

    /// <summary>Where records that do not parse are moved.</summary>
    public string Aside { get; } = Path.Combine(options.Root, "aside");

    public string Durable(string id) => Path.Combine(AllDurable, id);

    public string Request(string id) => Path.Combine(AllDurable, id, "request.pb");

    public string Record(string id) => Path.Combine(AllDurable, id, "record.json");

    public string Network(string id) => Path.Combine(AllDurable, id, "cni.json");

    public string NetworkResult(string id) => Path.Combine(AllDurable, id, "cni-result.json");

    public string Volatile(string id) => Path.Combine(AllVolatile, id);

    public string Namespaces(string id) => Path.Combine(AllVolatile, id, "ns");

    public string NetworkPin(string id) => Path.Combine(options.NetnsDirectory, $"shimruntime-{id[..ShortIdDigits]}");

    public string IpcPin(string id) => Path.Combine(AllVolatile, id, "ns", "ipc");

    public string UtsPin(string id) => Path.Combine(AllVolatile, id, "ns", "uts");

    public string PidPin(string id) => Path.Combine(AllVolatile, id, "ns", "pid");

    public string UserPin(string id) => Path.Combine(AllVolatile, id, "ns", "user");

    /// <summary>tmpfs: the pod's /dev/shm.</summary>
    public string Shm(string id) => Path.Combine(AllVolatile, id, "shm");

    /// <summary>Empty; where the pod init mounts its root, in its own mount namespace.</summary>
    public string InitRoot(string id) => Path.Combine(AllVolatile, id, "init");

    public string ResolvConf(string id) => Path.Combine(AllVolatile, id, "resolv.conf");

    public string Hostname(string id) => Path.Combine(AllVolatile, id, "hostname");

    public string Hosts(string id) => Path.Combine(AllVolatile, id, "hosts");
}
