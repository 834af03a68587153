using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Grpc.Core;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using static ShimRuntime.Cri.HotSwap.V1.Readiness.Types;

namespace ShimRuntime.Integration.Tests;

/// <summary>Levels L1 to L3: a server that is asked without pause is replaced, and nobody is turned away.</summary>
public sealed class SwapSocketTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const int Port = 8080;
    internal const string Script = $"exec {SwapServer.Path} $V $W";

    [Theory]
    [InlineData(Level.L1, "g2 inherits 1: tcp-8080")]
    [InlineData(Level.L2, "g2 inherits 1: tcp-8080")]
    [InlineData(Level.L3, "g2 binds 1")]
    public async Task NobodyIsTurnedAway(Level level, string begins)
    {
        var container = await ServeAsync($"{Port}");
        await using var client = await AskAsync(container);
        await client.SeesAsync("g1");
        await SwapTests.SwapAsync(container, To(2, level));
        await client.SeesAsync("g2");
        await SwapTests.SwapAsync(container, To(3, level));
        await client.SeesAsync("g3");
        Assert.Empty(await client.EndAsync("g1", "g2", "g3"));
        var log = container.Log().Lines();
        Assert.Contains(begins, log);
        // One at a time, or both for a while.
        Assert.Equal(level == Level.L1, log.ToList().IndexOf("g1 ends") < log.ToList().IndexOf(begins));
    }

    [Theory]
    [InlineData(Level.L1)]
    [InlineData(Level.L2)]
    [InlineData(Level.L3)]
    public async Task OneThatShutsTheListenerDownAtItsEndDoesNotShutDownTheOthers(Level level)
    {
        var container = await ServeAsync($"{Port}", c => c.Envs.Add(Variable("RUDE", "1")));
        await SwapTests.SwapAsync(container, To(2, level));
        await using var client = await AskAsync(container);
        await client.SeesAsync("g2");
        Assert.Empty(await client.EndAsync("g2"));
    }

    [Theory]
    [InlineData(Level.L1)]
    [InlineData(Level.L2)]
    [InlineData(Level.L3)]
    public async Task TheWayBackIsOnTheSameSockets(Level level)
    {
        var container = await ServeAsync($"{Port}");
        await using var client = await AskAsync(container);
        await client.SeesAsync("g1");
        var request = To(2, level);
        request.ProbationMilliseconds = 60_000;
        var swap = container.Swap(request);
        await swap.EnteredAsync(Phase.Probation);
        await client.SeesAsync("g2");
        await Daemon.Client.HotSwap.RollbackAsync(new RollbackRequest { ContainerId = container.Id });
        Assert.Equal(Outcome.Reverted, (await swap.EndAsync()).Outcome);
        var seen = client.Answers.Count;
        await Eventually.True(() => client.Answers.Skip(seen).Contains("g1"), "the old spec answers again");
        Assert.Empty(await client.EndAsync("g1", "g2"));
    }

    [Theory]
    [InlineData(Level.L2)]
    [InlineData(Level.L3)]
    public async Task OneThatIsNeverReadyIsTakenAwayAndNobodyNotices(Level level)
    {
        var container = await ServeAsync($"{Port}");
        await using var client = await AskAsync(container);
        await client.SeesAsync("g1");
        var request = To(2, level);
        request.Ready = new Readiness { Kind = Kind.Exec, Command = { "false" }, TimeoutMilliseconds = 500, PeriodMilliseconds = 100 };
        Assert.Equal(Outcome.Undone, (await container.Swap(request).EndAsync()).Outcome);
        Assert.Empty(await client.EndAsync("g1", "g2"));
    }

    [Fact]
    public async Task AnUnmodifiedServerGetsAllItsListenersUnderTheDefaultFilter()
    {
        var container = await ServeAsync($"{Port} 6{Port} r8081 r8081 /tmp/s", c =>
            c.Linux.SecurityContext.Seccomp = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.RuntimeDefault });
        var before = await SocketsAsync(container);
        Assert.Equal(["tcp", "tcp", "tcp", "tcp6", "unix"], before.Select(s => s.Family).Order(StringComparer.Ordinal));
        await using var client = await AskAsync(container);
        await SwapTests.SwapAsync(container, To(2, Level.L3));
        await client.SeesAsync("g2");
        Assert.Empty(await client.EndAsync("g1", "g2"));
        Assert.Equal(before.Select(s => s.Inode).Order(), (await SocketsAsync(container)).Select(s => s.Inode).Order());
        Assert.Equal("2", Processes.Status(await container.PidAsync(), "Seccomp"));
        Assert.Equal("0 s", await container.ExecAsync("echo $(ls -a /tmp | grep -c shimruntime) $(ls /tmp)"));
        // Back to a filter of its own, and to no listeners of others.
        await SwapTests.SwapAsync(container, To(3, Level.L0));
        Assert.Empty((await SocketsAsync(container)).Select(s => s.Inode).Intersect(before.Select(s => s.Inode)));
    }

    [Fact]
    public async Task FewerWorkersThanQueuesAreNotReady()
    {
        var container = await ServeAsync("r8081 r8081");
        var request = To(2, Level.L3, "r8081");
        var end = await container.Swap(request).EndAsync();
        Assert.Equal((Outcome.Undone, true), (end.Outcome, end.Cause.Contains("1 of the listeners of tcp:0.0.0.0:8081", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task WhatALevelCantDoIsRefusedWithTheReason()
    {
        var silent = await RunAsync("sleep 1000");
        await RefusedAsync(silent, Level.L2, "listens on no stream socket");
        var datagrams = await ServeAsync($"{Port} u8053");
        await RefusedAsync(datagrams, Level.L3, "udp:0.0.0.0:8053");
        Assert.Contains("8053", Assert.Single((await Daemon.Client.HotSwap.ListSocketsAsync(new ListSocketsRequest { ContainerId = datagrams.Id })).Unfit), StringComparison.Ordinal);
        await SwapTests.SwapAsync(datagrams, To(2, Level.L1, $"{Port} u8053"));
    }

    [Theory]
    [InlineData(Level.L2)]
    [InlineData(Level.L3)]
    public async Task TwoGenerationsThatDoNotFitIntoTheLimitAreRefusedWithTheNumbers(Level level)
    {
        const long limit = 24 << 20, heap = 16 << 20;
        var container = await ServeAsync($"{Port}", c =>
        {
            c.Envs.Add(Variable("HEAP", "16"));
            c.Linux.Resources.MemoryLimitInBytes = limit;
        });
        var refusal = await Faults.ExpectAsync(
            StatusCode.FailedPrecondition, () => container.Swap(To(2, level)).EndAsync(), $"the memory limit is {limit} bytes", "use level L1 or L0");
        var numbers = Regex.Match(refusal.Status.Detail, @"bytes, (\d+) are in use and (\d+) more would be");
        var (used, more) = (long.Parse(numbers.Groups[1].Value, CultureInfo.InvariantCulture), long.Parse(numbers.Groups[2].Value, CultureInfo.InvariantCulture));
        Assert.InRange(used, heap, limit);
        Assert.InRange(more, heap, used);
        Assert.True(used + more > limit, refusal.Status.Detail);
        await SwapTests.SwapAsync(container, To(2, Level.L1));
    }

    [Fact]
    public async Task TheProcessIsNamedOnlyWhereItsNumberIsKnown()
    {
        var pod = await RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Pod);
        var mount = await SwapServer.MountAsync();
        var container = await pod.RunAsync(Script, c =>
        {
            mount(c);
            c.Envs.Add(Variable("V", "g1"));
            c.Envs.Add(Variable("W", $"{Port}"));
            c.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Pod;
        });
        await container.LoggedAsync("g1 binds 1");
        await RefusedAsync(container, Level.L2, "LISTEN_PID");
        await SwapTests.SwapAsync(container, To(2, Level.L3));
    }

    private async Task<Container> ServeAsync(string where, Action<ContainerConfig>? change = null)
    {
        var mount = await SwapServer.MountAsync();
        var container = await RunAsync(Script, c =>
        {
            mount(c);
            c.Envs.Add(Variable("V", "g1"));
            c.Envs.Add(Variable("W", where));
            change?.Invoke(c);
        });
        await container.LoggedAsync($"g1 binds {where.Split(' ').Length}");
        return container;
    }

    private static async Task<SteadyClient> AskAsync(Container container) =>
        new(new IPEndPoint(IPAddress.Parse(await container.Pod.IpAsync()), Port));

    /// <summary>The server as generation <paramref name="number"/>, ready when it accepts.</summary>
    internal static SwapRequest To(int number, Level level, string? where = null)
    {
        var request = SwapTests.Quick(("V", $"g{number}"));
        if (where is not null) request.Patch.Env.Add(new Variable { Name = "W", Value = where });
        request.Level = level;
        if (level != Level.L0) request.Ready = new Readiness { Kind = Kind.Tcp, Port = where is null or "8080 u8053" ? (uint)Port : 8081, PeriodMilliseconds = 50, TimeoutMilliseconds = 30_000 };
        return request;
    }

    private static KeyValue Variable(string name, string value) => new() { Key = name, Value = Google.Protobuf.ByteString.CopyFromUtf8(value) };

    private async Task RefusedAsync(Container container, Level level, string words) =>
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => container.Swap(To(2, level)).EndAsync(), words);

    private async Task<IReadOnlyList<HeldSocket>> SocketsAsync(Container container) =>
        [.. (await Daemon.Client.HotSwap.ListSocketsAsync(new ListSocketsRequest { ContainerId = container.Id })).Sockets];
}
