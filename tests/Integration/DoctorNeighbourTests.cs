using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using ShimRuntime.Linux;

namespace ShimRuntime.Integration.Tests;

/// <summary>shimctl doctor beside others: a second daemon with the same cgroup root, pins, networks and addresses; requests under way; no daemon at all.</summary>
public sealed class DoctorNeighbourTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private string Binary => Path.Combine(World.Bin, "shimruntimed");

    [Fact]
    public async Task ASecondDaemonsPodsStayAloneWhetherItRunsOrNot()
    {
        var elsewhere = Path.Combine(World.Base, "second");
        var (root, state, socket) = (Directory.CreateDirectory($"{elsewhere}/root").FullName, Directory.CreateDirectory($"{elsewhere}/state").FullName, $"{elsewhere}/cri.sock");
        var arguments = Daemon.Arguments(socket).ToArray();
        arguments[Array.IndexOf(arguments, "--root") + 1] = root;
        arguments[Array.IndexOf(arguments, "--state") + 1] = state;
        using var client = new CriClient(socket);
        var second = await StartAsync(arguments, client);
        var image = (await TestImages.BusyboxAsync()).Reference;
        await client.Images.PullImageAsync(new PullImageRequest { Image = new ImageSpec { Image = image } });
        var config = PodConfig();
        var pod = (await client.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config })).PodSandboxId;
        var container = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = "theirs" }, Image = new ImageSpec { Image = image }, Command = { "sleep", "1000" },
            Linux = new LinuxContainerConfig
            {
                Resources = new LinuxContainerResources(),
                SecurityContext = new LinuxContainerSecurityContext { NamespaceOptions = config.Linux.SecurityContext.NamespaceOptions.Clone() },
            },
        };
        var id = (await client.Runtime.CreateContainerAsync(new CreateContainerRequest { PodSandboxId = pod, Config = container, SandboxConfig = config })).ContainerId;
        await client.Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = id });

        await RunAsync("sleep 1000");
        Assert.Empty(await Daemon.DoctorAsync(true));
        await EndAsync(second, 9);
        Assert.Empty(await Daemon.DoctorAsync(true));
        second = await StartAsync(arguments, client);
        var said = await client.Runtime.ExecSyncAsync(new ExecSyncRequest { ContainerId = id, Cmd = { "echo", "alive" }, Timeout = 10 });
        Assert.Equal("alive\n", said.Stdout.ToStringUtf8());
        Assert.Empty((await client.Operator.DoctorAsync(new Cri.Operator.V1.DoctorRequest { Fix = true })).Findings);
        await client.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod });
        await client.Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = pod });
        await EndAsync(second, 15);
        await Command.ShellAsync($"rm -rf {elsewhere}");
    }

    [Fact]
    public async Task WhatIsBeingMadeOrTakenAwayIsNobodysOrphan()
    {
        using var stop = new CancellationTokenSource();
        var made = 0;
        var makers = Enumerable.Range(0, 4).Select(n => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                var pod = await RunPodAsync();
                var container = await pod.RunAsync("sleep 1000");
                if (n % 2 == 0) await container.RemoveAsync();
                await pod.StopAsync();
                await pod.RemoveAsync();
                Interlocked.Increment(ref made);
            }
        })).ToArray();
        var deadline = DateTime.UtcNow + TimeSpan.FromMinutes(1);
        for (var i = 0; made < 24 && DateTime.UtcNow < deadline; i++)
        {
            var found = await Daemon.DoctorAsync(i % 2 == 1);
            Assert.True(found.Count == 0, DoctorCall.Show(found));
        }

        await stop.CancelAsync();
        await Task.WhenAll(makers);
        Assert.True(made >= 24, $"{made} pods came and went meanwhile");
        Assert.Empty(await Daemon.DoctorAsync());
    }

    [Fact]
    public async Task WhileNoDaemonRunsItsBinaryLooks()
    {
        var (lost, kept) = (await RunAsync("sleep 1000"), await RunAsync("sleep 1000"));
        var init = await lost.PidAsync();
        var busy = await Command.RunAsync(Binary, [.. Daemon.Arguments(), "--doctor"]);
        Assert.Equal(1, busy.ExitCode);
        Assert.Contains("shimctl --endpoint", busy.Error, StringComparison.Ordinal);

        await Daemon.KillAsync();
        var down = await Daemon.ShimctlAsync("doctor");
        Assert.Equal(1, down.ExitCode);
        Assert.Contains("shimruntimed --doctor", down.Error, StringComparison.Ordinal);
        await Command.ShellAsync($"rm -r {World.Root}/containers/{lost.Id}");
        var look = await Command.RunAsync(Binary, [.. Daemon.Arguments(), "--doctor"]);
        Assert.Equal(1, look.ExitCode);
        Assert.All(new[] { "shim pid", "mount ", "run-directory ", "runc-state ", "cgroup ", "snapshot " }, kind => Assert.Contains(kind, look.Output, StringComparison.Ordinal));
        Assert.DoesNotContain(kept.Id, look.Output, StringComparison.Ordinal);
        Assert.True(Processes.IsAlive(init));
        var fix = await Command.RunAsync(Binary, [.. Daemon.Arguments(), "--doctor", "--fix"], TimeSpan.FromSeconds(90));
        Assert.True(fix.ExitCode == 0, fix.Output + fix.Error);
        Assert.False(Processes.IsAlive(init));
        Assert.Equal(2, (await Command.RunAsync(Binary, [.. Daemon.Arguments(), "--fix"])).ExitCode);
        await Daemon.StartAsync();
        Assert.Equal("kept", await kept.ExecAsync("echo kept"));
        Assert.Empty(await Daemon.DoctorAsync());
    }

    private async Task<SpawnedProcess> StartAsync(string[] arguments, CriClient client)
    {
        var process = Command.StartLogged(Binary, arguments, Path.Combine(Daemon.Logs, "second.log"));
        await Eventually.True(async () =>
        {
            try
            {
                await client.Runtime.ListContainersAsync(new ListContainersRequest());
                return true;
            }
            catch (Grpc.Core.RpcException)
            {
                return false;
            }
        }, "the second daemon serves");
        return process;
    }

    private static async Task EndAsync(SpawnedProcess process, int signal)
    {
        using (process)
        {
            process.PidFd.Signal(signal);
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            await Command.Exits.ReapAsync(process, deadline.Token);
        }
    }
}
