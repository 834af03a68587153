using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Networking;
using ShimRuntime.Runtime.Node;
using ShimRuntime.Runtime.Sandboxes;
using ShimRuntime.Runtime.Tests.Networking;
using ShimRuntime.Runtime.Shims;

namespace ShimRuntime.Runtime.Tests.Sandboxes;

/// <summary>Private directories, a private bridge and subnet, the real kernel and CNI plugins; checks at the end that nothing is left.</summary>
internal sealed class SandboxWorld : IDisposable
{
    private static int _count;
    private readonly List<CancellationTokenSource> _daemons = [];

    public SandboxWorld()
    {
        var number = (Environment.ProcessId * 7 + Interlocked.Increment(ref _count)) % 200;
        Bridge = $"srp{Environment.ProcessId % 100_000}n{_count}";
        Subnet = $"10.213.{number + 20}";
        Directory = System.IO.Directory.CreateTempSubdirectory("pods-").FullName;
        // Root of a user namespace passes to its pod's directory, as it does below /run.
        File.SetUnixFileMode(Directory, (UnixFileMode)Convert.ToInt32("711", 8));
        foreach (var name in new[] { "conf", "bin", "ipam" }) System.IO.Directory.CreateDirectory(At(name));
        Options = new RuntimeOptions
        {
            Root = At("root"),
            State = At("state"),
            NetnsDirectory = At("netns"),
            CniConfDirectory = At("conf"),
            CniBinDirectories = [At("bin"), "/usr/lib/cni"],
            ShimPath = Path.Combine(RepositoryRoot(), "artifacts/bin/shimruntime-shim"),
            CgroupRoot = $"/shimruntime-test-{Environment.ProcessId}-{_count}",
        };
    }

    public string Directory { get; }

    public string Bridge { get; }

    /// <summary>The first three numbers of its /24.</summary>
    public string Subnet { get; }

    public RuntimeOptions Options { get; set; }

    public ExitWatcher Exits { get; } = new();

    public CgroupHierarchy Cgroups { get; } = CgroupHierarchy.Detect();

    public EmptyPods Containers { get; } = new();

    public string At(string name) => Path.Combine(Directory, name);

    /// <summary>The Debian plugins: bridge with host-local, portmap behind it.</summary>
    public void UseBridge() => File.WriteAllText(At("conf/10-bridge.conflist"), $$"""
        {
          "cniVersion": "1.0.0", "name": "{{Bridge}}", "plugins": [
            {
              "type": "bridge", "bridge": "{{Bridge}}", "isGateway": true, "ipMasq": false,
              "ipam": {
                "type": "host-local", "dataDir": "{{At("ipam")}}",
                "ranges": [ [ { "subnet": "{{Subnet}}.0/24" } ], [ { "subnet": "fd00:{{Subnet.Split('.')[2]}}::/64" } ] ]
              }
            },
            { "type": "portmap", "capabilities": { "portMappings": true } }
          ]
        }
        """);

    /// <summary>A plugin of the test's, as a shell script.</summary>
    public void UseScript(string name, string script)
    {
        PluginScript.Write(At($"bin/{name}"), script);
        File.WriteAllText(At("conf/05-script.conflist"), $$"""{"cniVersion":"1.0.0","name":"scripted","plugins":[{"type":"{{name}}"}]}""");
    }

    /// <summary>A daemon's worth of sandboxes on the same directories; the one before is as good as killed.</summary>
    public async Task<SandboxService> StartAsync()
    {
        var life = new CancellationTokenSource();
        _daemons.Add(life);
        var service = new SandboxService(new SandboxParts
        {
            Options = Options,
            Store = new SandboxStore(),
            Network = new PodNetwork(Options, Exits, NullLogger<PodNetwork>.Instance),
            Exits = Exits,
            Handlers = new RuntimeHandlers(Options, Exits),
            Facts = HostFacts.Read(),
            Shims = new ShimReserve(Options, Exits, NullLogger<ShimReserve>.Instance),
            Cgroups = new PodCgroups(Cgroups, new CgroupfsDriver(Cgroups, Options.CgroupRoot)),
            Containers = () => Containers,
            Logs = NullLoggerFactory.Instance,
            Stopping = life.Token,
        });
        await service.RecoverAsync(life.Token);
        service.FinishBegun();
        return service;
    }

    /// <summary>Ends the running service's background work; pods stay.</summary>
    public void KillDaemon() => _daemons[^1].Cancel();

    public static RunPodSandboxRequest Request(string name = "pod", NamespaceMode network = NamespaceMode.Pod, NamespaceMode pid = NamespaceMode.Container) => new()
    {
        Config = new PodSandboxConfig
        {
            Metadata = new PodSandboxMetadata { Name = name, Namespace = "default", Uid = $"uid-{name}" },
            Hostname = network == NamespaceMode.Pod ? name : "",
            Labels = { ["app"] = name },
            Annotations = { ["note"] = "as it was" },
            Linux = new LinuxPodSandboxConfig
            {
                SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = new NamespaceOption { Network = network, Pid = pid } },
            },
        },
    };

    /// <summary>What is left of pods: sandbox directories, pins, mounts, cgroups, addresses, ends of veths.</summary>
    public IReadOnlyList<string> Leftovers()
    {
        var left = new List<string>();
        foreach (var place in new[] { "root/sandboxes", "state/sandboxes", "netns" })
        {
            if (System.IO.Directory.Exists(At(place))) left.AddRange(System.IO.Directory.EnumerateFileSystemEntries(At(place)));
        }

        left.AddRange(MountTable.Read().Below(Directory).Select(m => m.Target));
        left.AddRange(Cgroups.PathsOf(Options.CgroupRoot).Where(System.IO.Directory.Exists).SelectMany(System.IO.Directory.GetDirectories));
        left.AddRange(System.IO.Directory.EnumerateFiles(At("ipam"), $"{Subnet}.*", SearchOption.AllDirectories));
        var ports = $"/sys/class/net/{Bridge}/brif";
        if (System.IO.Directory.Exists(ports)) left.AddRange(System.IO.Directory.EnumerateFileSystemEntries(ports));
        return left;
    }

    public void Dispose()
    {
        foreach (var life in _daemons) life.Cancel();
        _ = MountPoint.UnmountBelow(Directory);
        foreach (var path in System.IO.Directory.Exists($"/sys/class/net/{Bridge}") ? new[] { "/usr/sbin/ip", "/sbin/ip" } : [])
        {
            if (!File.Exists(path)) continue;
            using var ip = Spawner.Spawn(new SpawnRequest { Path = path, Arguments = ["ip", "link", "del", Bridge] });
            _ = Exits.ReapAsync(ip, CancellationToken.None).Wait(TimeSpan.FromSeconds(30));
            break;
        }

        new Cgroup(Cgroups, Options.CgroupRoot).Kill();
        for (var i = 0; i < 100 && !new Cgroup(Cgroups, Options.CgroupRoot).TryRemove(); i++) Task.Delay(20).Wait();
        System.IO.Directory.Delete(Directory, true);
        Exits.Dispose();
    }

    private static string RepositoryRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "ShimRuntime.sln"))) directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("ShimRuntime.sln is in no parent of the tests");
    }
}

/// <summary>Pods without containers: what the other room answers then. Counts what it was asked.</summary>
internal sealed class EmptyPods : IPodContainers
{
    public int Stops { get; private set; }

    public int Removals { get; private set; }

    public Task StopAllAsync(string sandboxId, TimeSpan grace, CancellationToken cancellation)
    {
        Stops++;
        return Task.CompletedTask;
    }

    public Task RemoveAllAsync(string sandboxId, CancellationToken cancellation)
    {
        Removals++;
        return Task.CompletedTask;
    }

    public IReadOnlyList<ContainerStatus> StatusesOf(string sandboxId) => [];
}
