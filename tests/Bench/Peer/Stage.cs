using System.Diagnostics;
using ShimRuntime.Linux;

namespace ShimRuntime.Bench.Peer;

/// <summary>What both runtimes share: directories, the network's configuration, the registry with its images, a cgroup.</summary>
internal sealed class Stage : IAsyncDisposable
{
    private readonly string _cgroup;

    private Stage(string work, string cgroup)
    {
        _cgroup = cgroup;
        Site = Site.At(work);
        CniDirectory = Directory.CreateDirectory(Path.Combine(work, "cni")).FullName;
        File.WriteAllText(Path.Combine(CniDirectory, "10-bench.conflist"), Site.Conflist);
        Directory.CreateDirectory(Path.Combine(work, "netns"));
        Account(Environment.ProcessId, MakeCgroup(CgroupOf("bench")));
    }

    public Site Site { get; }

    public BenchRegistry Registry { get; private set; } = null!;

    public string CniDirectory { get; }

    public CgroupHierarchy Cgroups { get; } = CgroupHierarchy.Detect();

    /// <summary>The image of every pod: one layer of 2 MB.</summary>
    public string Busybox => $"{Registry.Host}/bench/busybox:1";

    /// <summary>For runtimes that need one.</summary>
    public string PauseImage => $"{Registry.Host}/bench/pause:1";

    /// <param name="work">An empty directory, deleted by its maker.</param>
    /// <param name="cgroup">Name of a cgroup, removed by its maker.</param>
    public static async Task<Stage> SetAsync(string work, string cgroup, IReadOnlyDictionary<string, string> archives, CancellationToken cancellation)
    {
        var stage = new Stage(work, cgroup);
        stage.Registry = await BenchRegistry.StartAsync(Path.Combine(work, "registry"), stage.Site.Exits, cancellation);
        foreach (var (repository, archive) in archives) await stage.Registry.PushArchiveAsync(repository, archive, cancellation);
        return stage;
    }

    /// <summary>Of what both runtimes use.</summary>
    public static string ToolVersions()
    {
        using var process = Process.Start(new ProcessStartInfo("/usr/sbin/runc", "--version") { RedirectStandardOutput = true })!;
        var runc = process.StandardOutput.ReadToEnd().Split('\n')[0];
        return $"{runc}, CNI plugins of {Site.PluginDirectory}, cgroup {(CgroupHierarchy.Detect().IsV2 ? "v2" : "v1")}";
    }

    public string CgroupOf(string contestant) => $"/{_cgroup}/{contestant}";

    /// <summary>Moves a process where its CPU time is counted, and its share of the CPU is that of the others on the stage; its memory stays where it is.</summary>
    public void Account(int pid, Cgroup cgroup)
    {
        foreach (var controller in (string[])["cpu", "cpuacct"]) File.WriteAllText($"{cgroup.DirectoryOf(controller)}/cgroup.procs", $"{pid}");
    }

    public Cgroup MakeCgroup(string path)
    {
        var cgroup = new Cgroup(Cgroups, path);
        cgroup.Create();
        return cgroup;
    }

    public async ValueTask DisposeAsync()
    {
        await Registry.DisposeAsync();
        Site.Exits.Dispose();
    }
}
