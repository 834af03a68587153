using System.Globalization;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>
/// What runs for months must not grow: a shim over log lines and execs, the daemon over containers and pods that come and go. Memory is
/// compared between two points of the same work, the first one after the runtime's pools and tables have filled.
/// </summary>
public sealed class GrowthTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const long Kibibyte = 1024;

    [Fact]
    public async Task AShimDoesNotGrowOverAHundredThousandLogLines()
    {
        var container = await RunAsync("seq 1 2000; echo warm; while [ ! -e /go ]; do sleep 0.05; done; seq 1 100000; echo done; sleep 1000");
        await container.LoggedAsync("warm");
        var shim = Processes.ParentOf(await container.PidAsync());
        var before = Private(shim);
        await container.ExecAsync("touch /go");
        var executed = Private(shim); // the first exec makes the exec table's part of the program resident
        await container.LoggedAsync("done", TimeSpan.FromMinutes(2));
        Assert.Equal(102_002, File.ReadLines(container.LogPath).Count());
        Assert.True(Private(shim) - Math.Max(before, executed) < 160 * Kibibyte, $"{before} bytes, {executed} after an exec, then {Private(shim)}");
    }

    [Fact]
    public async Task AShimDoesNotGrowOverAThousandExecs()
    {
        var container = await RunAsync("sleep 1000");
        var shim = Processes.ParentOf(await container.PidAsync());
        await ExecAsync(container, 300);
        var (before, fds) = (Private(shim), Processes.FdTargets(shim).Count);
        await ExecAsync(container, 700);
        await Eventually.True(() => Processes.FdTargets(shim).Count <= fds, "no descriptor of an exec is left");
        // 700 execs that leak one object of 400 bytes each would be seen.
        Assert.True(Private(shim) - before < 256 * Kibibyte, $"{before} bytes after 300 execs, {Private(shim)} after 1,000");
        var files = Directory.GetFileSystemEntries(Path.Combine(World.State, "c", container.Id[..16], "g1"));
        Assert.DoesNotContain(files, f => f.Contains("exec", StringComparison.Ordinal));
    }

    [Fact]
    public async Task TheDaemonDoesNotGrowOverContainersAndPodsThatComeAndGo()
    {
        await CycleAsync(100);
        var (before, fds, threads) = (Private(Daemon.Pid), Fds(), Threads());
        await CycleAsync(300);
        await Eventually.True(() => Fds() <= fds, $"no descriptor is left of {fds}");
        var growth = Private(Daemon.Pid) - before;
        // The garbage collector's heap breathes by some megabytes; 300 forgotten pods with their containers would be more.
        Assert.True(growth < 8192 * Kibibyte, $"{before} bytes after 100 cycles, {growth} more after 400");
        Assert.True(Threads() <= threads + 8, $"{threads} threads, then {Threads()}");
    }

    private static async Task ExecAsync(Container container, int count)
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (i, _) =>
        {
            var result = await container.ExecSyncAsync(60, "/bin/echo", i.ToString(CultureInfo.InvariantCulture));
            Assert.Equal((0, $"{i}\n"), (result.ExitCode, result.Stdout.ToStringUtf8()));
        });
    }

    /// <summary>Pods on the host's network, so that no plugin is run; a container each, created and never started.</summary>
    private async Task CycleAsync(int count)
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (_, _) =>
        {
            var pod = await RunPodAsync(p =>
            {
                p.Hostname = "";
                p.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Node;
            });
            var container = await pod.CreateAsync("true", c => c.Annotations["padding"] = new string('x', 20_000));
            await container.StatusAsync();
            await container.RemoveAsync();
            await pod.StopAsync();
            await pod.RemoveAsync();
        });
        Assert.Empty((await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
    }

    private int Fds() => Processes.FdTargets(Daemon.Pid).Count;

    private int Threads() => Directory.GetDirectories($"/proc/{Daemon.Pid}/task").Length;

    /// <summary>Bytes of memory that nobody shares (proc_pid_smaps(5), Private_Dirty).</summary>
    private static long Private(int pid) =>
        long.Parse(Processes.Field(Processes.Read(pid, "smaps_rollup"), "Private_Dirty").Split(' ')[0], CultureInfo.InvariantCulture) * Kibibyte;
}
