using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public class CreateFlightsTests
{
    private const string Name = "web_pod_ns_uid_0";
    private readonly ContainerStore _store = new();
    private readonly ContainerNames _names = new();
    private readonly CreateFlights _flights;

    public CreateFlightsTests() => _flights = new CreateFlights(_store, _names, CancellationToken.None);

    [Fact]
    public async Task A_retry_joins_the_create_that_runs_and_both_get_its_id()
    {
        var go = new TaskCompletionSource();
        var creates = 0;
        var first = RunAsync(TestContainers.Request(), async (claim, _) =>
        {
            Interlocked.Increment(ref creates);
            await go.Task;
            Made(claim, ContainerPhase.Created);
        });
        var second = RunAsync(TestContainers.Request(), (_, _) => throw new InvalidOperationException("a second create"));
        go.SetResult();
        Assert.Equal(await first, await second);
        Assert.Equal(1, creates);
    }

    [Fact]
    public async Task A_create_whose_client_left_goes_on_and_its_retry_gets_the_same_id()
    {
        var go = new TaskCompletionSource();
        using var client = new CancellationTokenSource();
        var first = _flights.RunAsync(Name, TestContainers.Request(), async (claim, _) =>
        {
            await go.Task;
            Made(claim, ContainerPhase.Created);
        }, client.Token);
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        var retry = RunAsync(TestContainers.Request(), (_, _) => throw new InvalidOperationException("a second create"));
        go.SetResult();
        var id = await retry;
        Assert.Equal(id, await RunAsync(TestContainers.Request(), (_, _) => throw new InvalidOperationException("a third create")));
        Assert.NotNull(_store.Find(id));
    }

    [Fact]
    public async Task Another_configuration_of_the_name_is_told_so_at_once()
    {
        await RunAsync(TestContainers.Request(), (claim, _) => MadeAsync(claim, ContainerPhase.Created));
        var other = TestContainers.Request(image: "nginx");
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => RunAsync(other, (c, _) => MadeAsync(c, ContainerPhase.Created)));
        Assert.Equal(FaultCode.AlreadyExists, fault.Code);
    }

    [Theory]
    [InlineData(ContainerPhase.Running)]
    [InlineData(ContainerPhase.Exited)]
    public async Task A_container_that_was_started_keeps_its_name(ContainerPhase phase)
    {
        await RunAsync(TestContainers.Request(), (claim, _) => MadeAsync(claim, phase));
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => RunAsync(TestContainers.Request(), (c, _) => MadeAsync(c, phase)));
        Assert.Equal(FaultCode.AlreadyExists, fault.Code);
    }

    [Fact]
    public async Task A_failed_create_frees_the_name_and_every_joiner_hears_of_it()
    {
        var go = new TaskCompletionSource();
        var first = RunAsync(TestContainers.Request(), async (_, _) =>
        {
            await go.Task;
            throw RuntimeFault.NotFound("no such image");
        });
        var second = RunAsync(TestContainers.Request(), (_, _) => throw new InvalidOperationException("a second create"));
        go.SetResult();
        Assert.Equal(FaultCode.NotFound, (await Assert.ThrowsAsync<RuntimeFault>(() => first)).Code);
        Assert.Equal(FaultCode.NotFound, (await Assert.ThrowsAsync<RuntimeFault>(() => second)).Code);
        await RunAsync(TestContainers.Request(image: "nginx"), (claim, _) => MadeAsync(claim, ContainerPhase.Created));
    }

    [Fact]
    public async Task A_hundred_at_once_make_one()
    {
        var creates = 0;
        var ids = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Task.Run(() => RunAsync(TestContainers.Request(), CreateAsync))));
        Assert.Single(ids.Distinct());
        Assert.Equal(1, creates);

        async Task CreateAsync(ContainerNames.Claim claim, CancellationToken token)
        {
            Interlocked.Increment(ref creates);
            await Task.Yield();
            Made(claim, ContainerPhase.Created);
        }
    }

    [Fact]
    public async Task Whoever_waits_for_a_create_to_be_over_does_not_hear_how_it_failed()
    {
        var go = new TaskCompletionSource();
        ContainerEntry? entry = null;
        var create = RunAsync(TestContainers.Request(), async (claim, _) =>
        {
            Made(claim, ContainerPhase.Creating);
            entry = _store.Find(claim.Id);
            await go.Task;
            throw new IOException("no space left on device");
        });
        while (entry is null) await Task.Yield();
        var stop = _flights.JoinAsync(entry, CancellationToken.None);
        go.SetResult();
        await Assert.ThrowsAsync<IOException>(() => create);
        await stop;
    }

    private Task<string> RunAsync(CreateContainerRequest request, Func<ContainerNames.Claim, CancellationToken, Task> create) =>
        _flights.RunAsync(Name, request, create, CancellationToken.None);

    private Task MadeAsync(ContainerNames.Claim claim, ContainerPhase phase)
    {
        Made(claim, phase);
        return Task.CompletedTask;
    }

    private void Made(ContainerNames.Claim claim, ContainerPhase phase) =>
        _store.Add(new ContainerEntry(TestContainers.Record(claim.Id, phase), claim.Request));
}
