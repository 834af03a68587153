using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using ShimRuntime.Runtime.Tests.Shims;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public sealed class ContainerSupervisorTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly FakeShim _fake = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ContainerFiles _files;
    private readonly ContainerEntry _entry;
    private readonly ContainerSupervisor _supervisor;

    public ContainerSupervisorTests()
    {
        var options = new RuntimeOptions { Root = _fake.Directory, State = _fake.Directory, ShimPath = "/none" };
        _files = new ContainerFiles(new ContainerPaths(options));
        _files.MakeRoots();
        _entry = TestContainers.Entry('a', ContainerPhase.Running);
        _entry.Shim = _fake.Shim;
        _files.Create(_entry.Record, _entry.Request);
        _supervisor = new ContainerSupervisor(
            _files, new LeafKiller(CgroupHierarchy.Detect()), NullLogger<ContainerSupervisor>.Instance, _stopping.Token);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _fake.DisposeAsync();
    }

    [Fact]
    public async Task The_shims_answer_is_the_end()
    {
        var exit = new ExitStatus { Code = 3, Reason = "Error", FinishedAtNanos = 9 };
        _fake.Answers[ShimMethods.Wait] = _ => Task.FromResult<IMessage>(exit);
        _supervisor.Watch(_entry, _fake.Shim);
        Assert.Equal(3, (await _entry.Ended.WaitAsync(Patience)).Code);
        Assert.Equal(ContainerPhase.Exited, _entry.Record.Phase);
        Assert.Equal(9, _entry.Record.Exit!.FinishedAtNanos);
    }

    [Fact]
    public async Task A_broken_connection_ends_nothing()
    {
        var calls = 0;
        var end = new TaskCompletionSource<IMessage>();
        _fake.Answers[ShimMethods.Wait] = _ =>
        {
            calls++;
            return end.Task;
        };
        _supervisor.Watch(_entry, _fake.Shim);
        await UntilAsync(() => calls == 1);
        _fake.CutConnections();
        await UntilAsync(() => calls == 2);
        Assert.Equal(ContainerPhase.Running, _entry.Record.Phase);
        end.SetResult(new ExitStatus { Code = 0, Reason = "Completed" });
        Assert.Equal("Completed", (await _entry.Ended.WaitAsync(Patience)).Reason);
    }

    [Fact]
    public async Task A_shim_that_dies_takes_its_container_along_and_that_is_durable()
    {
        _supervisor.Watch(_entry, _fake.Shim);
        _fake.Kill();
        var end = await _entry.Ended.WaitAsync(Patience);
        Assert.Equal((137, "ShimLost"), (end.Code, end.Reason));
        await UntilAsync(() => _files.Read(_entry.Id).Record.Exit is not null);
    }

    [Fact]
    public async Task An_exit_that_the_dead_shim_had_recorded_is_believed()
    {
        var exit = new ExitRecord
        {
            ContainerId = _entry.Id, Generation = 1, Code = 0, Signal = 0, Reason = "Completed", StartedAtNanos = 5, FinishedAtNanos = 6,
        };
        File.WriteAllBytes(_files.Paths.Exit(_entry.Id), exit.ToJson());
        _supervisor.Watch(_entry, _fake.Shim);
        _fake.Kill();
        Assert.Equal("Completed", (await _entry.Ended.WaitAsync(Patience)).Reason);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (!condition()) await Task.Delay(10, deadline.Token);
    }
}
