using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Tests.Shims;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public sealed class StopOperationTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly FakeShim _fake = new();
    private readonly CgroupHierarchy _hierarchy = CgroupHierarchy.Detect();
    private readonly ContainerEntry _entry;
    private readonly StopOperation _stop;
    private readonly List<StopRequest> _asked = [];

    public StopOperationTests()
    {
        var id = TestContainers.Id('a');
        var cgroup = $"/shimruntime-unit-{Environment.ProcessId}-{Guid.NewGuid():N}";
        var record = TestContainers.Record(id, ContainerPhase.Stopping) with { ContainerCgroup = cgroup, LeafCgroup = $"{cgroup}/g1", StopSignal = 2 };
        _entry = new ContainerEntry(record, TestContainers.Request()) { Shim = _fake.Shim };
        _stop = new StopOperation(_entry, new LeafKiller(_hierarchy), NullLogger.Instance);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _fake.DisposeAsync();

    [Fact]
    public async Task The_shim_is_told_the_containers_signal_and_the_time()
    {
        Listen(_ => true);
        _stop.Begin(TimeSpan.FromSeconds(30), CancellationToken.None);
        await AskedAsync(1);
        Assert.Equal(2, _asked[0].Signal);
        Assert.InRange(_asked[0].TimeoutMilliseconds, 29_000UL, 30_000UL);
        End();
        await _stop.Completion.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_second_stop_may_shorten_and_never_lengthens()
    {
        Listen(_ => true);
        _stop.Begin(TimeSpan.FromSeconds(60), CancellationToken.None);
        await AskedAsync(1);
        _stop.ShortenTo(TimeSpan.FromSeconds(600));
        _stop.ShortenTo(TimeSpan.FromSeconds(5));
        await AskedAsync(2);
        Assert.InRange(_asked[1].TimeoutMilliseconds, 4_000UL, 5_000UL);
        End();
        await _stop.Completion.WaitAsync(Patience);
        Assert.Equal(2, _asked.Count);
    }

    [Fact]
    public async Task A_shim_that_was_not_yet_told_to_start_is_asked_again()
    {
        Listen(attempt => attempt > 2);
        _stop.Begin(TimeSpan.FromSeconds(60), CancellationToken.None);
        await AskedAsync(3);
        End();
        await _stop.Completion.WaitAsync(Patience);
    }

    [Fact]
    public async Task Without_an_answer_the_daemon_kills_the_container_and_says_why()
    {
        var leaf = new Cgroup(_hierarchy, _entry.Record.LeafCgroup);
        leaf.Create();
        using var process = Spawner.Spawn(new SpawnRequest { Path = "/bin/sleep", Arguments = ["sleep", "1000"] });
        using var exits = new ExitWatcher();
        try
        {
            leaf.Enter(process.Pid);
            _stop.Begin(TimeSpan.Zero, CancellationToken.None);
            Assert.Equal(9, (await exits.ReapAsync(process, CancellationToken.None).WaitAsync(Patience)).Signal);
            await _stop.Completion.WaitAsync(Patience);
            Assert.Equal((137, "ShimLost"), (_entry.Record.Exit!.Code, _entry.Record.Exit.Reason));
            Assert.Contains($"pid {_fake.Shim.Process.Pid} (sleep)", _entry.Record.Exit.Message, StringComparison.Ordinal);
        }
        finally
        {
            process.PidFd.Signal(9);
            Assert.True(new Cgroup(_hierarchy, _entry.Record.ContainerCgroup).TryRemove());
        }
    }

    private void Listen(Func<int, bool> take) => _fake.Answers[ShimMethods.Stop] = payload =>
    {
        int attempt;
        lock (_asked)
        {
            _asked.Add(StopRequest.Parser.ParseFrom(payload));
            attempt = _asked.Count;
        }

        return take(attempt)
            ? new TaskCompletionSource<IMessage>().Task
            : Task.FromException<IMessage>(new ShimFault(FaultCode.FailedPrecondition, "it was not started"));
    };

    private async Task AskedAsync(int times)
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (true)
        {
            lock (_asked)
            {
                if (_asked.Count >= times) return;
            }

            await Task.Delay(10, deadline.Token);
        }
    }

    private void End() => _entry.End(new ContainerExit { Code = 130, Signal = 2, Reason = "Error" });
}
