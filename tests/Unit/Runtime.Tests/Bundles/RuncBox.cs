using System.Diagnostics;
using System.Security.Cryptography;
using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>
/// A busybox root file system and a real runc: what SpecBuilder says is run as it is. The pod has the host's network, so that no namespace needs
/// to be pinned. Everything is in a directory and a cgroup of its own, gone with Dispose.
/// </summary>
internal sealed class RuncBox : IDisposable
{
    private static readonly string[] Applets =
        ["sh", "id", "cat", "grep", "ls", "touch", "mkdir", "unshare", "hostname", "pwd", "env", "test", "echo", "stat", "chroot", "mount", "sleep", "readlink"];

    private readonly string _directory = Directory.CreateTempSubdirectory("bundle-").FullName;
    private readonly TestRootfs _rootfs = new();
    private readonly string _cgroup = "/shimruntime-test-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
    private int _runs;

    public RuncBox()
    {
        Directory.CreateDirectory(_rootfs.Path + "/bin");
        File.Copy("/bin/busybox", _rootfs.Path + "/bin/busybox");
        foreach (var applet in Applets) File.CreateSymbolicLink($"{_rootfs.Path}/bin/{applet}", "busybox");
        File.WriteAllText(Path.Combine(_directory, "resolv.conf"), "nameserver 192.0.2.1\n");
        File.WriteAllText(Path.Combine(_directory, "hostname"), "box\n");
    }

    /// <summary>Needs root, runc and a static busybox; null: all there.</summary>
    public static string? Missing =>
        Environment.UserName != "root" ? "root" : !File.Exists("/usr/sbin/runc") ? "runc" : !File.Exists("/bin/busybox") ? "busybox-static" : null;

    public TestRootfs Rootfs => _rootfs;

    public string HostDirectory(string name) => Directory.CreateDirectory(Path.Combine(_directory, "host", name)).FullName;

    public HostFacts Facts { get; } = HostFacts.Read();

    /// <summary>Builds, makes the directories and runs `sh -c script` to its end.</summary>
    public RunResult Run(string script, Action<ContainerConfig>? change = null, ImageConfig? image = null)
    {
        var bundle = Build(script, change, image);
        var id = NextId();
        WriteConfig(id, bundle.Spec);
        return Runc(["run", "--bundle", Path.Combine(_directory, id), id]);
    }

    /// <summary>Runs `sleep`, then the script as an exec by ExecSpec.</summary>
    public RunResult Exec(string script, Action<ContainerConfig>? change = null)
    {
        var bundle = Build("sleep 60", change, null);
        var id = NextId();
        WriteConfig(id, bundle.Spec);
        var started = Runc(["run", "--detach", "--bundle", Path.Combine(_directory, id), id], capture: false);
        if (started.ExitCode != 0) return started;
        try
        {
            var process = Path.Combine(_directory, id, "process.json");
            File.WriteAllBytes(process, RuntimeJson.Serialize(ExecSpec.Process(bundle.Spec, ["/bin/sh", "-c", script])));
            return Runc(["exec", "--process", process, id]);
        }
        finally
        {
            Runc(["delete", "--force", id]);
        }
    }

    public void Dispose()
    {
        foreach (var controller in Directory.EnumerateDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup"))
        {
            foreach (var leaf in new[] { controller + _cgroup + "/leaf", controller + _cgroup })
            {
                if (Directory.Exists(leaf)) Directory.Delete(leaf);
            }
        }

        _rootfs.Dispose();
        Directory.Delete(_directory, true);
    }

    private Bundle Build(string script, Action<ContainerConfig>? change, ImageConfig? image)
    {
        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = "box" },
            Command = { "/bin/sh", "-c", script },
            Linux = new LinuxContainerConfig { SecurityContext = new LinuxContainerSecurityContext() },
        };
        change?.Invoke(config);
        var bundle = new SpecBuilder(new HostView(Facts)).Build(new BundleRequest
        {
            ContainerId = new string('c', 64),
            Generation = 1,
            Config = config,
            Sandbox = Pod(),
            Image = image ?? new ImageConfig { Env = ["PATH=/bin"] },
            RootfsPath = _rootfs.Path,
            LeafCgroup = _cgroup + "/leaf",
            VolumesDirectory = Path.Combine(_directory, "volumes"),
            Handler = new HandlerFeatures { RecursiveReadOnlyMounts = true },
        });
        BundleDirectories.Make(bundle, _rootfs.Path);
        return bundle;
    }

    private Sandbox Pod() => new()
    {
        Id = TestSandbox.Id,
        Config = new PodSandboxConfig
        {
            Linux = new LinuxPodSandboxConfig
            {
                SecurityContext = new LinuxSandboxSecurityContext { Privileged = true, NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Container } },
            },
        },
        Phase = SandboxPhase.Ready,
        CgroupPath = _cgroup,
        ResolvConfPath = Path.Combine(_directory, "resolv.conf"),
        HostnamePath = Path.Combine(_directory, "hostname"),
        Hostname = "box",
    };

    private string NextId() => $"{_cgroup[1..]}-{++_runs}";

    private void WriteConfig(string id, RuntimeSpec spec)
    {
        Directory.CreateDirectory(Path.Combine(_directory, id));
        File.WriteAllBytes(Path.Combine(_directory, id, "config.json"), RuntimeJson.Serialize(spec));
    }

    private RunResult Runc(IEnumerable<string> arguments, bool capture = true)
    {
        var start = new ProcessStartInfo("/usr/sbin/runc", ["--root", Path.Combine(_directory, "runc"), .. arguments])
        {
            // A detached container would hold the pipes open.
            RedirectStandardOutput = capture,
            RedirectStandardError = capture,
            RedirectStandardInput = true,
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = capture ? process.StandardError.ReadToEndAsync() : Task.FromResult("");
        var output = capture ? process.StandardOutput.ReadToEnd() : "";
        process.WaitForExit();
        return new RunResult(process.ExitCode, output, error.Result);
    }
}

/// <summary>How a container ended and what it said.</summary>
internal sealed record RunResult(int ExitCode, string Output, string Error)
{
    /// <summary>The output of a script that must succeed, without the last newline.</summary>
    public string Text => ExitCode == 0 ? Output.TrimEnd('\n') : throw new InvalidOperationException($"exit {ExitCode}: {Error}{Output}");
}
