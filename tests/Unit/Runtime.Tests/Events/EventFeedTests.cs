using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Events;
using ShimRuntime.Runtime.Sandboxes;
using Xunit;
using static ShimRuntime.Cri.V1.ContainerEventType;

namespace ShimRuntime.Runtime.Tests.Events;

public class EventFeedTests
{
    private readonly List<ContainerStatus> _statuses = [];
    private readonly EventFeed _feed;

    public EventFeedTests() => _feed = new EventFeed(_ => [.. _statuses]);

    [Fact]
    public async Task Every_subscriber_gets_every_event_in_order_with_the_pods_statuses_of_that_moment()
    {
        using var one = _feed.Subscribe();
        using var two = _feed.Subscribe();
        _statuses.Add(new ContainerStatus { Id = "c", State = ContainerState.ContainerCreated });
        _feed.Publish("c", ContainerCreatedEvent, Pod());
        _statuses[0] = new ContainerStatus { Id = "c", State = ContainerState.ContainerRunning };
        _feed.Publish("c", ContainerStartedEvent, Pod());
        foreach (var subscription in new[] { one, two })
        {
            var got = await ReadAsync(subscription, 2);
            Assert.Equal([ContainerCreatedEvent, ContainerStartedEvent], got.Select(e => e.ContainerEventType));
            Assert.Equal(
                [ContainerState.ContainerCreated, ContainerState.ContainerRunning], got.Select(e => e.ContainersStatuses.Single().State));
            Assert.All(got, e => Assert.Equal("uid", e.PodSandboxStatus.Metadata.Uid));
            Assert.True(got[0].CreatedAt < got[1].CreatedAt);
        }
    }

    [Fact]
    public async Task A_subscription_says_where_it_begins_and_misses_nothing_after()
    {
        _feed.Publish("a", ContainerCreatedEvent, Pod());
        using var subscription = _feed.Subscribe();
        Assert.Equal(1UL, subscription.StartSequence);
        _feed.Publish("b", ContainerCreatedEvent, Pod());
        Assert.Equal("b", Assert.Single(await ReadAsync(subscription, 1)).ContainerId);
        Assert.Equal(2UL, _feed.State.Sequence);
    }

    [Fact]
    public async Task One_that_does_not_read_is_cut_off_and_the_others_get_all()
    {
        var slow = _feed.Subscribe();
        using var quick = _feed.Subscribe();
        var reading = ReadAsync(quick, EventSubscription.MaxEvents + 1);
        for (var i = 0; i <= EventSubscription.MaxEvents; i++)
        {
            _feed.Publish($"{i}", ContainerStartedEvent, null);
            if (i % 64 == 0) await Task.Yield(); // on a busy machine the reader must get its turn, too
            while (i % 1024 == 1023 && !reading.IsCompleted && Behind(quick)) await Task.Delay(1);
        }

        Assert.Equal(Enumerable.Range(0, EventSubscription.MaxEvents + 1).Select(i => $"{i}"), (await reading).Select(e => e.ContainerId));
        Assert.Equal((1, 1UL), (_feed.State.Subscribers, _feed.State.CutOff));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ReadAsync(slow, EventSubscription.MaxEvents + 1));
        Assert.True(slow.CutOff.IsCancellationRequested);
        Assert.Equal(FaultCode.ResourceExhausted, slow.CutOffFault().Code);
        slow.Dispose();
    }

    [Fact]
    public void Bytes_are_bounded_too()
    {
        _statuses.Add(new ContainerStatus { Id = "c", Annotations = { ["k"] = new string('x', 1024 * 1024) } });
        using var slow = _feed.Subscribe();
        for (var i = 0; i < 40; i++) _feed.Publish("c", ContainerStartedEvent, Pod());
        Assert.Equal(1UL, _feed.State.CutOff);
    }

    [Fact]
    public async Task What_ended_while_no_daemon_ran_is_told_to_each_until_it_is_removed()
    {
        _feed.Found("c", Pod());
        for (var i = 0; i < 2; i++)
        {
            using var subscription = _feed.Subscribe();
            var first = Assert.Single(await ReadAsync(subscription, 1));
            Assert.Equal(("c", ContainerStoppedEvent), (first.ContainerId, first.ContainerEventType));
        }

        _feed.Publish("c", ContainerDeletedEvent, Pod());
        using var late = _feed.Subscribe();
        _feed.Publish("d", ContainerCreatedEvent, Pod());
        Assert.Equal("d", Assert.Single(await ReadAsync(late, 1)).ContainerId);
    }

    [Fact]
    public void One_that_leaves_costs_nothing_more()
    {
        _feed.Subscribe().Dispose();
        Assert.Equal(0, _feed.State.Subscribers);
        _feed.Publish("c", ContainerCreatedEvent, Pod());
    }

    [Fact]
    public async Task Publishers_at_once_lose_and_repeat_nothing()
    {
        using var subscription = _feed.Subscribe();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(p => Task.Run(() =>
        {
            for (var i = 0; i < 100; i++) _feed.Publish($"{p}-{i}", ContainerStartedEvent, null);
        })));
        var got = await ReadAsync(subscription, 800);
        Assert.Equal(800, got.Select(e => e.ContainerId).Distinct().Count());
        Assert.Equal(got.Select(e => e.CreatedAt).Order(), got.Select(e => e.CreatedAt));
        for (var p = 0; p < 8; p++)
            Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{p}-{i}"), got.Select(e => e.ContainerId).Where(id => id.StartsWith($"{p}-", StringComparison.Ordinal)));
    }

    private static bool Behind(IEventSubscription subscription) => ((EventSubscription)subscription).Waiting > 512;

    private static async Task<List<ContainerEventResponse>> ReadAsync(IEventSubscription subscription, int count)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var got = new List<ContainerEventResponse>();
        await foreach (var message in subscription.ReadAsync(deadline.Token))
        {
            got.Add(message);
            if (got.Count == count) break;
        }

        return got;
    }

    private static Sandbox Pod() => new()
    {
        Id = new string('a', 64),
        Config = new PodSandboxConfig { Metadata = new PodSandboxMetadata { Name = "p", Namespace = "n", Uid = "uid" } },
        Phase = SandboxPhase.Ready,
        CgroupPath = "/p",
        ResolvConfPath = "",
        HostnamePath = "",
    };
}
