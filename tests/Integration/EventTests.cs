using System.Text.Json;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using static ShimRuntime.Cri.V1.ContainerEventType;

namespace ShimRuntime.Integration.Tests;

/// <summary>GetContainerEvents, as kubelet's evented PLEG needs it.</summary>
public sealed class EventTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task ALifeIsToldInOrderWithThePodsStatusesOfEachMoment()
    {
        await using var events = await EventReader.SubscribeAsync(Runtime);
        var pod = await RunPodAsync();
        var container = await pod.RunAsync("sleep 1000", c => c.Labels["a"] = "b");
        await container.StopAsync(0);
        await container.RemoveAsync();
        await pod.StopAsync();
        await pod.RemoveAsync();
        var got = await events.UntilAsync(e => e.ContainerId == pod.Id && e.ContainerEventType == ContainerDeletedEvent);
        Assert.Equal(
            [
                (pod.Id, ContainerCreatedEvent), (pod.Id, ContainerStartedEvent),
                (container.Id, ContainerCreatedEvent), (container.Id, ContainerStartedEvent), (container.Id, ContainerStoppedEvent),
                (container.Id, ContainerDeletedEvent), (pod.Id, ContainerStoppedEvent), (pod.Id, ContainerDeletedEvent),
            ],
            got.Select(e => (e.ContainerId, e.ContainerEventType)));
        Assert.All(got, e => Assert.Equal((pod.Id, pod.Config.Metadata.Uid), (e.PodSandboxStatus.Id, e.PodSandboxStatus.Metadata.Uid)));
        Assert.Equal(
            [ContainerState.ContainerCreated, ContainerState.ContainerRunning, ContainerState.ContainerExited],
            got.Skip(2).Take(3).Select(e => e.ContainersStatuses.Single().State));
        Assert.Equal((137, "b"), (got[4].ContainersStatuses[0].ExitCode, got[4].ContainersStatuses[0].Labels["a"]));
        Assert.Equal(
            [PodSandboxState.SandboxReady, PodSandboxState.SandboxNotready], new[] { got[1], got[7] }.Select(e => e.PodSandboxStatus.State));
        Assert.Equal(got.Select(e => e.CreatedAt).Order(), got.Select(e => e.CreatedAt));
        Assert.All(got, e => Assert.InRange(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - (e.CreatedAt / 1_000_000), 0, 300_000));
    }

    [Fact]
    public async Task AContainerThatEndsAtOnceHasAllItsEventsInOrder()
    {
        await using var events = await EventReader.SubscribeAsync(Runtime);
        var pod = await RunPodAsync();
        for (var i = 0; i < 5; i++)
        {
            var container = await pod.RunAsync($"exit {i}");
            var got = await events.UntilAsync(e => e.ContainerId == container.Id && e.ContainerEventType == ContainerStoppedEvent);
            Assert.Equal(
                [ContainerCreatedEvent, ContainerStartedEvent, ContainerStoppedEvent],
                got.Where(e => e.ContainerId == container.Id).Select(e => e.ContainerEventType));
            Assert.Equal(i, got[^1].ContainersStatuses.Single(s => s.Id == container.Id).ExitCode);
        }
    }

    [Fact]
    public async Task ASubscriberThatNeverReadsIsCutOffWhileAnotherGetsAll()
    {
        var before = (await StateAsync()).CutOff;
        using var slow = new CriClient(World.Socket);
        using var silent = slow.Runtime.GetContainerEvents(new GetEventsRequest());
        await silent.ResponseHeadersAsync;
        await using var events = await EventReader.SubscribeAsync(Runtime);
        // Up to 3 MB of statuses with each event, 70 MB in all: twice what a queue takes, while one that reads may lag by ten events.
        var pod = await RunPodAsync(c => c.Annotations["large"] = new string('x', 230_000));
        var container = await pod.CreateAsync("sleep 1000", c => c.Annotations["large"] = new string('y', 230_000));
        await container.StartAsync();
        for (var i = 0; i < 12; i++) await (await pod.RunAsync("true", c => c.Annotations["large"] = new string('z', 230_000))).ExitedAsync();
        await Eventually.Value(StateAsync, s => s.CutOff == before + 1, "the silent one is cut off");
        await pod.StopAsync();
        var got = await events.UntilAsync(e => e.ContainerId == pod.Id && e.ContainerEventType == ContainerStoppedEvent);
        Assert.Equal(2 + 2 + (12 * 3) + 1 + 1, got.Count);
        var fault = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await silent.ResponseStream.MoveNext(CancellationToken.None))
            {
            }
        });
        Assert.Equal(StatusCode.ResourceExhausted, fault.StatusCode);
        Assert.Contains("list", fault.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnEndWhileNoDaemonRanIsToldToWhoeverSubscribesThen()
    {
        var pod = await RunPodAsync();
        var container = await pod.RunAsync("while [ ! -e /go ]; do usleep 50000; done; exit 7");
        await using (var first = await EventReader.SubscribeAsync(Runtime))
        {
            await Daemon.KillAsync();
            Assert.NotNull(await first.EndAsync());
        }

        await File.WriteAllTextAsync(Path.Combine(World.State, "c", container.Id[..16], "rootfs", "go"), "");
        await Eventually.True(() => File.Exists(Path.Combine(World.Root, "containers", container.Id, "exit.json")), "the shim records the end");
        await Daemon.StartAsync();
        for (var i = 0; i < 2; i++)
        {
            await using var events = await EventReader.SubscribeAsync(Runtime);
            var got = await events.UntilAsync(e => e.ContainerId == container.Id);
            Assert.Equal((ContainerStoppedEvent, 7), (got[^1].ContainerEventType, got[^1].ContainersStatuses.Single().ExitCode));
        }

        await using var late = await EventReader.SubscribeAsync(Runtime);
        await container.RemoveAsync();
        var all = await late.UntilAsync(e => e.ContainerEventType == ContainerDeletedEvent);
        Assert.Equal([ContainerStoppedEvent, ContainerDeletedEvent], all.Where(e => e.ContainerId == container.Id).Select(e => e.ContainerEventType));
    }

    [Fact]
    public async Task NumbersShowWhetherAnythingIsMissing()
    {
        await using var events = await EventReader.SubscribeAsync(Runtime);
        var pod = await RunPodAsync();
        await (await pod.RunAsync("true")).ExitedAsync();
        var state = await Eventually.Value(StateAsync, s => s.Sequence >= events.StartSequence + 5, "five events are counted");
        await Eventually.True(() => events.StartSequence + (ulong)events.Count == state.Sequence, "as many are received");
        Assert.Equal(1, state.Subscribers);
    }

    [Fact]
    public async Task ADaemonThatEndsDoesNotWaitForSubscribers()
    {
        await using var events = await EventReader.SubscribeAsync(Runtime);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await Daemon.TerminateAsync();
        var took = clock.Elapsed;
        Assert.Equal(StatusCode.Unavailable, (await events.EndAsync())!.StatusCode);
        await Daemon.StartAsync();
        Assert.True(took < TimeSpan.FromSeconds(20), $"{took}");
    }

    private async Task<(ulong Sequence, int Subscribers, ulong CutOff)> StateAsync()
    {
        var info = (await Runtime.StatusAsync(new StatusRequest { Verbose = true })).Info["events"];
        var state = JsonDocument.Parse(info).RootElement;
        return (state.GetProperty("sequence").GetUInt64(), state.GetProperty("subscribers").GetInt32(), state.GetProperty("cutOff").GetUInt64());
    }
}
