using Grpc.Core;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using static ShimRuntime.Cri.HotSwap.V1.Readiness.Types;

namespace ShimRuntime.Integration.Tests;

/// <summary>Hot swap on level L0: what stays, what changes, who may ask, and how a client joins.</summary>
public sealed class SwapTests(DaemonFixture daemon) : NodeTest(daemon)
{
    /// <summary>Says which variable it sees, and ends on its stop signal with an unfinished line.</summary>
    internal const string Server = "echo V=$V; trap 'printf \"bye $V\"; exit 0' TERM; while :; do sleep 0.05; done";

    private HotSwap.HotSwapClient HotSwap => Daemon.Client.HotSwap;

    [Fact]
    public async Task TheProcessChangesAndTheContainerStays()
    {
        var container = await RunAsync($"echo kept > /tmp/kept; {Server}", c => c.Annotations["a"] = "b\n");
        await container.LoggedAsync("V=");
        var (before, pod, pid) = (await container.StatusAsync(), await container.Pod.StatusAsync(), await container.PidAsync());

        var swap = container.Swap(Quick(("V", "2")));
        Assert.Equal((Outcome.Swapped, 2u), ((await swap.EndAsync()).Outcome, swap.Events[^1].Generation));
        Assert.Equal([Phase.Prepare, Phase.Create, Phase.Drain, Phase.Start, Phase.Ready, Phase.Commit, Phase.Probation, Phase.Done], swap.Phases);

        Assert.Equal(before, await container.StatusAsync()); // id, times, attempt, annotations, image, resources: byte for byte
        Assert.Equal(pod, await container.Pod.StatusAsync());
        Assert.NotEqual(pid, await container.PidAsync());
        Assert.Equal("2 kept", await container.ExecAsync("echo $(tr '\\0' '\\n' < /proc/1/environ | sed -n 's/^V=//p') $(cat /tmp/kept)"));
        await container.LoggedAsync("V=2");
        Assert.Equal(["V=", "bye ", "V=2"], container.Log().Lines()); // one log, the old partial line closed first
        Assert.Equal([1u, 2u], (await HotSwap.ListGenerationsAsync(new ListGenerationsRequest { ContainerId = container.Id })).Generations.Select(g => g.Number));
        Assert.False(Directory.Exists(Cgroups.Directory("memory", container.LeafOf(1))), "the old leaf is gone");
        await container.StopAsync();
        Assert.Equal((0, before.StartedAt), ((await container.StatusAsync()).ExitCode, (await container.StatusAsync()).StartedAt));
    }

    [Theory]
    [InlineData(NamespaceMode.Container, true)]
    [InlineData(NamespaceMode.Pod, false)]
    public async Task ATerminalAndASharedPidNamespaceStayWhatTheyAre(NamespaceMode pid, bool tty)
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Pid = pid);
        var container = await pod.RunAsync("echo V=$V $(test -t 0 && echo terminal) $(test $$ = 1 && echo first); while :; do sleep 0.1; done", c => c.Tty = tty);
        var request = Quick(("V", "2"));
        request.Drain.TimeoutMilliseconds = 0;
        await SwapAsync(container, request);
        await container.LoggedAsync(tty ? "V=2 terminal first\r" : "V=2");
    }

    [Fact]
    public async Task APatchHoldsOnInTheNextSwapUntilItIsTakenBack()
    {
        var container = await RunAsync("echo $0 $1 $V $W $PWD; sleep 1000", c => c.Envs.Add(new KeyValue { Key = "W", Value = Google.Protobuf.ByteString.CopyFromUtf8("w") }));
        await SwapAsync(container, Quick(("V", "2")));
        var second = Quick();
        second.Patch = new Patch { Args = new Arguments { Values = { "zero", "one" } }, WorkingDir = "/tmp", UnsetEnv = { "W" } };
        await SwapAsync(container, second);
        await container.LoggedAsync("zero one 2 /tmp");
        second.Patch = new Patch { Command = new Arguments { Values = { "/bin/sh", "-c", "echo now $V; sleep 1000" } } };
        await SwapAsync(container, second);
        await container.LoggedAsync("now 2");
    }

    [Fact]
    public async Task OnlyTheExpectedGenerationIsSwapped()
    {
        var container = await RunAsync(Server);
        var request = Quick();
        request.ExpectedGeneration = 7;
        await Faults.ExpectAsync(StatusCode.Aborted, () => container.Swap(request).EndAsync(), "generation 1 is current");
        request.ExpectedGeneration = 1;
        await SwapAsync(container, request);
        await Faults.ExpectAsync(StatusCode.Aborted, () => container.Swap(request).EndAsync(), "generation 2 is current");
    }

    [Fact]
    public async Task TheSameRequestIsJoinedAndAskedAgainItHasHappened()
    {
        var container = await RunAsync(Server);
        var request = ReadyWhen("/go");
        request.RequestId = "mine";
        var (first, second) = (container.Swap(request), container.Swap(request));
        await second.EnteredAsync(Phase.Ready);
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => container.Swap(Quick()).EndAsync(), "swap 'mine' is under way");
        Assert.Equal(Phase.Ready, (await HotSwap.GetStatusAsync(new GetStatusRequest { ContainerId = container.Id })).Swap.Phase);
        await container.ExecAsync("touch /go");
        await Task.WhenAll(first.EndAsync(), second.EndAsync());
        Assert.Equal(first.Events, second.Events);
        var third = container.Swap(request);
        await third.EndAsync();
        Assert.Equal(first.Events, third.Events);
        await Daemon.RestartAsync();
        var fourth = container.Swap(request);
        Assert.Equal((Outcome.Swapped, 2u), ((await fourth.EndAsync()).Outcome, fourth.Events[^1].Generation));
    }

    [Fact]
    public async Task ADryRunDecidesEverythingAndChangesNothing()
    {
        var container = await RunAsync(Server);
        var before = await container.PidAsync();
        var request = Quick(("V", "2"));
        (request.DryRun, request.Rootfs) = (true, Rootfs.Fresh);
        Assert.Equal(Outcome.DryRun, (await container.Swap(request).EndAsync()).Outcome);
        Assert.Equal(before, await container.PidAsync());
        Assert.Equal(["g1", "rootfs", "shim.json", "shim.log", "shim.sock"],
            Directory.GetFileSystemEntries(RunDirectory(container)).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        request.Patch.WorkingDir = "relative";
        await Faults.ExpectAsync(StatusCode.InvalidArgument, () => container.Swap(request).EndAsync(), "failed to swap container", "working_dir");
    }

    public static TheoryData<string, Action<SwapRequest>, StatusCode, string> Bad => new()
    {
        { "level", r => r.Level = Level.L2, StatusCode.FailedPrecondition, "listens on no stream socket" },
        { "level number", r => r.Level = (Level)9, StatusCode.InvalidArgument, "level" },
        { "request id", r => r.RequestId = "a b", StatusCode.InvalidArgument, "request_id" },
        { "long request id", r => r.RequestId = new string('a', 129), StatusCode.InvalidArgument, "request_id" },
        { "probation", r => r.ProbationMilliseconds = -1, StatusCode.InvalidArgument, "probation_milliseconds" },
        { "drain", r => r.Drain = new Drain { TimeoutMilliseconds = long.MaxValue }, StatusCode.InvalidArgument, "drain.timeout_milliseconds" },
        { "signal", r => r.Drain = new Drain { Signal = 65 }, StatusCode.InvalidArgument, "drain.signal" },
        { "port", r => r.Ready = new Readiness { Kind = Kind.Tcp, Port = 70000 }, StatusCode.InvalidArgument, "ready.port" },
        { "host", r => r.Ready = new Readiness { Kind = Kind.Tcp, Port = 7, Host = "example.org" }, StatusCode.InvalidArgument, "ready.host" },
        { "path", r => r.Ready = new Readiness { Kind = Kind.Http, Port = 7, Path = "/ HTTP/1.1\r\nX: y" }, StatusCode.InvalidArgument, "ready.path" },
        { "no command", r => r.Ready = new Readiness { Kind = Kind.Exec }, StatusCode.InvalidArgument, "ready.command" },
        { "kind", r => r.Ready = new Readiness { Kind = (Kind)9 }, StatusCode.InvalidArgument, "ready.kind" },
        { "variable", r => r.Patch = new Patch { Env = { new Variable { Name = "A=B", Value = "" } } }, StatusCode.InvalidArgument, "patch.env" },
        { "NUL", r => r.Patch = new Patch { Env = { new Variable { Name = "A", Value = "\0" } } }, StatusCode.InvalidArgument, "NUL" },
        { "cwd", r => r.Patch = new Patch { WorkingDir = "/proc/self/fd/7" }, StatusCode.InvalidArgument, "/proc" },
        { "size", r => r.Patch = new Patch { Args = new Arguments { Values = { new string('x', 3 << 20) } } }, StatusCode.InvalidArgument, "patch" },
        { "no image", r => r.Patch = new Patch { Image = "nowhere.example/no/image:1" }, StatusCode.NotFound, "pull it first" },
        { "rootfs", r => r.Rootfs = (Rootfs)9, StatusCode.InvalidArgument, "rootfs" },
        { "on_failure", r => r.OnFailure = (OnFailure)9, StatusCode.InvalidArgument, "on_failure" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task ABadRequestNamesItsFieldAndTouchesNothing(string name, Action<SwapRequest> spoil, StatusCode code, string words)
    {
        _ = name;
        var container = await RunAsync(Server);
        var (pid, request) = (await container.PidAsync(), Quick());
        spoil(request);
        await Faults.ExpectAsync(code, () => container.Swap(request).EndAsync(), words);
        Assert.Equal(pid, await container.PidAsync());
        Assert.False(File.Exists(Path.Combine(RunDirectory(container), "swap.json")));
    }

    [Fact]
    public async Task OnlyWhatRunsIsSwappedAndOnlyASwapIsEnded()
    {
        var created = await (await RunPodAsync()).CreateAsync("true");
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => created.Swap().EndAsync(), "not running");
        await created.StartAsync();
        await created.ExitedAsync();
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => created.Swap().EndAsync(), "exited");
        await RefusedAsync(StatusCode.FailedPrecondition, HotSwap.RollbackAsync(new RollbackRequest { ContainerId = created.Id }), "none is under way");
        await RefusedAsync(StatusCode.FailedPrecondition, HotSwap.AbortAsync(new AbortRequest { ContainerId = created.Id }), "none is under way");
        await RefusedAsync(StatusCode.NotFound, HotSwap.GetStatusAsync(new GetStatusRequest { ContainerId = "0123" }), "0123");
        await RefusedAsync(StatusCode.InvalidArgument, HotSwap.ListSocketsAsync(new ListSocketsRequest()), "container_id is empty");
        Assert.Empty((await HotSwap.ListSocketsAsync(new ListSocketsRequest { ContainerId = created.Id })).Sockets);
    }

    [Fact]
    public async Task EveryKindOfReadinessIsSeen()
    {
        var container = await RunAsync(
            "ln -sf \"$NOTIFY_SOCKET\" /dev/log; logger 'up\nREADY=1'; while :; do printf 'HTTP/1.1 204 No\\r\\n\\r\\n' | nc -l -p 8080; done");
        foreach (var ready in new[]
        {
            new Readiness { Kind = Kind.Tcp, Port = 8080, PeriodMilliseconds = 100 },
            new Readiness { Kind = Kind.Http, Port = 8080, Path = "/x", PeriodMilliseconds = 100, Successes = 2 },
            new Readiness { Kind = Kind.Exec, Command = { "true" } },
            new Readiness { Kind = Kind.Notify },
        })
        {
            var request = Quick();
            (request.Ready, request.Drain) = (ready, new Drain { TimeoutMilliseconds = 0 });
            ready.TimeoutMilliseconds = 20_000;
            await SwapAsync(container, request);
        }
    }

    [Fact]
    public async Task ContainersAreSwappedTooOftenOnlyUpToALimit()
    {
        var container = await RunAsync(Server);
        var request = Quick();
        (request.Ready, request.OnFailure) = (new Readiness { Kind = Kind.Exec, Command = { "false" }, TimeoutMilliseconds = 100, PeriodMilliseconds = 50 }, OnFailure.Rollback);
        Assert.Equal(Outcome.Reverted, (await container.Swap(request).EndAsync()).Outcome);
        Assert.Equal(Outcome.Reverted, (await container.SwapAfterPauseAsync(request)).Outcome);
        await Faults.ExpectAsync(StatusCode.ResourceExhausted, () => container.Swap(request).EndAsync(), "the last 2 failed", "try again in");
    }

    /// <summary>Ready at once, no probation.</summary>
    internal static SwapRequest Quick(params (string Name, string Value)[] env)
    {
        var patch = new Patch();
        patch.Env.Add(env.Select(e => new Variable { Name = e.Name, Value = e.Value }));
        return new SwapRequest
        {
            Patch = patch, Ready = new Readiness { Kind = Kind.Delay, PeriodMilliseconds = 1 }, ProbationMilliseconds = 0, Drain = new Drain { TimeoutMilliseconds = 5000 },
        };
    }

    /// <summary>Ready once a file is there in the new generation, which a test makes or does not make.</summary>
    internal static SwapRequest ReadyWhen(string file, params (string Name, string Value)[] env)
    {
        var request = Quick(env);
        request.Ready = new Readiness { Kind = Kind.Exec, Command = { "test", "-e", file }, PeriodMilliseconds = 100, TimeoutMilliseconds = 30_000 };
        return request;
    }

    internal static async Task SwapAsync(Container container, SwapRequest request)
    {
        var end = await container.Swap(request).EndAsync();
        Assert.True(end.Outcome == Outcome.Swapped, $"{end.Outcome}: {end.Cause}");
    }

    private string RunDirectory(Container container) => Path.Combine(World.State, "c", container.Id[..16]);
}
