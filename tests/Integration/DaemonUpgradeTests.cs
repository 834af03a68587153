using System.Collections.Concurrent;
using System.Globalization;
using Grpc.Core;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using ShimRuntime.Linux;

namespace ShimRuntime.Integration.Tests;

/// <summary>A daemon hands over to a new one: nobody is refused, nothing is lost, and one that can't serve changes nothing.</summary>
public sealed class DaemonUpgradeTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private Operator.OperatorClient Operator => Daemon.Client.Operator;

    [Fact]
    public async Task CallersAndContainersNoticeNothing()
    {
        var container = await RunAsync("i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done");
        var pid = await container.PidAsync();
        using var stop = new CancellationTokenSource();
        var (calls, failures) = (0, new ConcurrentQueue<string>());
        var callers = Enumerable.Range(0, 4).Select(n => Task.Run(async () =>
        {
            // Half keep their connection, half make one for each call.
            using var kept = new CriClient(World.Socket);
            while (!stop.IsCancellationRequested)
            {
                var own = n % 2 == 0 ? null : new CriClient(World.Socket);
                try
                {
                    var runtime = (own ?? kept).Runtime;
                    var listed = await runtime.ListContainersAsync(new ListContainersRequest());
                    Assert.Equal(ContainerState.ContainerRunning, Assert.Single(listed.Containers).State);
                    var status = await runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container.Id, Verbose = true });
                    Assert.Contains($"\"pid\":{pid},", status.Info["info"], StringComparison.Ordinal);
                    await runtime.ListContainerStatsAsync(new ListContainerStatsRequest());
                    Interlocked.Increment(ref calls);
                }
                catch (Exception e)
                {
                    failures.Enqueue($"{DateTime.UtcNow:HH:mm:ss.fff} {e.GetType().Name} {e.Message}");
                }
                finally
                {
                    own?.Dispose();
                }
            }
        })).ToArray();
        for (var i = 0; i < 3; i++)
        {
            var before = calls;
            await Daemon.UpgradeAsync();
            await Eventually.True(() => calls > before + 8, "calls go on");
        }

        await stop.CancelAsync();
        await Task.WhenAll(callers);
        Assert.True(failures.IsEmpty, string.Join("\n", failures));
        Assert.Equal(pid, await container.PidAsync());
        var lines = container.Log().Lines();
        Assert.Equal(Enumerable.Range(0, lines.Count).Select(i => $"{i}"), lines);
    }

    [Fact]
    public async Task UrlsEventsAndWhatIsUnderWayAreHandedOn()
    {
        var container = await RunAsync("trap '' TERM; while :; do sleep 0.1; done");
        var url = (await Runtime.ExecAsync(new ExecRequest { ContainerId = container.Id, Cmd = { "cat", "/proc/1/cmdline" }, Stdout = true, Stderr = true })).Url;
        var stopping = container.StopAsync(60); // longer than the old daemon waits for calls
        await Eventually.True(async () => (await container.InfoAsync()).GetProperty("phase").GetString() == "Stopping", "the stop is under way");
        await Daemon.UpgradeAsync();
        Assert.Contains("trap", await OutputAsync(url), StringComparison.Ordinal);
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => stopping)).StatusCode);
        await container.StopAsync(1); // a second one joins, and shortens
        Assert.Equal(137, (await container.ExitedAsync()).ExitCode);
    }

    [Theory]
    [InlineData("cut", "failed to upgrade")]
    [InlineData("false", "ended with 1")]
    [InlineData("other-socket", "same --listen")]
    [InlineData("group-writable", "others than root")]
    [InlineData("linked", "belongs to uid 65534")]
    [InlineData("missing", "Could not find")]
    public async Task ABinaryThatCantServeIsRefused(string kind, string words)
    {
        var container = await RunAsync("sleep 1000");
        var before = await Operator.GetDaemonAsync(new GetDaemonRequest());
        await RefusedAsync(StatusCode.FailedPrecondition, Operator.UpgradeDaemonAsync(new UpgradeDaemonRequest { Binary = Broken(kind) }), words);
        Assert.Equal(before, await Operator.GetDaemonAsync(new GetDaemonRequest()));
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
        await Daemon.UpgradeAsync();
    }

    [Theory]
    [InlineData("dies", "ended with 3")]
    [InlineData("hangs", "said nothing for 10 s")]
    public async Task OneThatFailsLaterGivesTheNodeBack(string kind, string words)
    {
        var container = await RunAsync("sleep 1000");
        var url = (await Runtime.ExecAsync(new ExecRequest { ContainerId = container.Id, Cmd = { "echo", "there" }, Stdout = true, Stderr = true })).Url;
        var before = await Operator.GetDaemonAsync(new GetDaemonRequest());
        var broken = await Operator.UpgradeDaemonAsync(new UpgradeDaemonRequest { Binary = Broken(kind) });
        Assert.Equal("9.9", broken.Version);
        // Whoever calls meanwhile waits, and is answered.
        var after = await Eventually.Value(async () => await Operator.GetDaemonAsync(new GetDaemonRequest()), d => d.FailedUpgrade.Length > 0, "the old one is back");
        Assert.Equal((before.Pid, true), (after.Pid, after.FailedUpgrade.Contains(words, StringComparison.Ordinal)));
        Assert.False(Processes.IsAlive(broken.Pid), "nothing is left of the new one");
        Assert.Equal("there\n", await OutputAsync(url));
        Assert.Equal("0", await container.ExecAsync("echo $?"));
        await Daemon.UpgradeAsync();
    }

    [Fact]
    public async Task AnOldOneThatDiesMidwayIsReplacedAllTheSame()
    {
        await RunAsync("sleep 1000");
        var next = await Operator.UpgradeDaemonAsync(new UpgradeDaemonRequest { Binary = Broken("waits") });
        // The wrapper holds the new daemon's answer back; what it runs in the end is the real one.
        await Daemon.KillAsync();
        await Eventually.True(async () =>
        {
            try
            {
                return (await Operator.GetDaemonAsync(new GetDaemonRequest())).Pid == next.Pid && (await Runtime.ListContainersAsync(new ListContainersRequest())).Containers.Count == 1;
            }
            catch (RpcException)
            {
                return false;
            }
        }, "the new one serves");
        Daemon.Adopt(next.Pid);
    }

    [Fact]
    public async Task OnlyOneUpgradeAtATime()
    {
        var first = Operator.UpgradeDaemonAsync(new UpgradeDaemonRequest { Binary = Broken("slow") });
        await Task.Delay(200);
        await RefusedAsync(StatusCode.FailedPrecondition, Operator.UpgradeDaemonAsync(new UpgradeDaemonRequest()), "another upgrade is under way");
        await Assert.ThrowsAsync<RpcException>(() => first.ResponseAsync);
    }

    /// <summary>While it still starts: it would take the old one's end for its word.</summary>
    [Fact]
    public async Task AStopEndsTheNewOneToo()
    {
        await RunAsync("sleep 1000");
        var upgrade = Operator.UpgradeDaemonAsync(new UpgradeDaemonRequest { Binary = Broken("late") });
        var marker = Path.Combine(World.Base, "daemon-late.pid");
        await Eventually.True(() => File.Exists(marker) && File.ReadAllText(marker).EndsWith('\n'), "the new one starts");
        await Daemon.TerminateAsync();
        await Assert.ThrowsAsync<RpcException>(() => upgrade.ResponseAsync);
        Assert.False(Processes.IsAlive(int.Parse(File.ReadAllText(marker), CultureInfo.InvariantCulture)), "nothing is left of the new one");
        await Daemon.StartAsync();
        Assert.Single((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
    }

    private static async Task<string> OutputAsync(string url)
    {
        await using var remote = await RemoteCommand.OpenAsync(url, new ExecOptions());
        await remote.Error.Ended.WaitAsync(Eventually.Patience);
        Assert.Contains("Success", remote.Error.Text(), StringComparison.Ordinal);
        return remote.Stdout.Text();
    }

    private string Broken(string kind)
    {
        var path = Path.Combine(World.Base, $"daemon-{kind}");
        var real = Path.Combine(World.Bin, "shimruntimed");
        var script = kind switch
        {
            "false" => "exit 1",
            "other-socket" => $"exec {real} \"$@\" --listen unix://{World.Base}/other.sock",
            "dies" => "echo booted 9.9 >&5; head -c 1 <&6 >/dev/null; exit 3",
            "hangs" => "echo booted 9.9 >&5; head -c 1 <&6 >/dev/null; exec sleep 1000",
            "slow" => "sleep 2; exit 1",
            "late" => $"echo $$ > {path}.pid; exec sleep 1000",
            "waits" => $"exec {real} \"$@\"",
            _ => "exit 0",
        };
        if (kind is "linked" or "missing") return Linked(path, kind == "missing");
        if (kind == "cut") File.WriteAllBytes(path, File.ReadAllBytes(real)[..65536]);
        else File.WriteAllText(path, $"#!/bin/bash\n{script}\n");
        File.SetUnixFileMode(path, (UnixFileMode)(kind == "group-writable" ? 0x1fd : 0x1ed)); // 0775, 0755
        return path;
    }

    /// <summary>A link of root's, to a file in a directory that is somebody else's.</summary>
    private string Linked(string path, bool isMissing)
    {
        if (isMissing) return path;
        var theirs = Directory.CreateDirectory($"{path}-directory").FullName;
        File.Copy(Path.Combine(World.Bin, "shimruntimed"), Path.Combine(theirs, "d"));
        using var directory = SafeDirFd.Open(theirs);
        FileMetadata.SetOwner(directory, 65534, 65534);
        File.CreateSymbolicLink(path, Path.Combine(theirs, "d"));
        return path;
    }
}
