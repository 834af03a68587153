using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Sandboxes;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Sandboxes;

/// <summary>Names taken twice, clients that go away, plugins that fail or hang.</summary>
public sealed class SandboxTroubleTests : IDisposable
{
    private const string Result = """{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"x"}],"ips":[{"interface":0,"address":"10.9.9.9/24"}]}""";
    private readonly SandboxWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_retry_joins_the_running_creation_and_a_later_one_gets_the_same_id()
    {
        _world.UseScript("slow", $"[ $CNI_COMMAND = DEL ] && exit 0; while [ ! -e {_world.At("go")} ]; do sleep 0.05; done; echo '{Result}'");
        var sandboxes = await _world.StartAsync();
        using var gone = new CancellationTokenSource();
        var first = sandboxes.RunAsync(SandboxWorld.Request(), gone.Token);
        await Eventually.TrueAsync(() => sandboxes.List(null).Count == 1);
        Assert.Equal(PodSandboxState.SandboxNotready, sandboxes.List(null)[0].State);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);

        var second = sandboxes.RunAsync(SandboxWorld.Request(), CancellationToken.None);
        File.WriteAllText(_world.At("go"), "");
        var id = await second;
        Assert.Equal(id, await sandboxes.RunAsync(SandboxWorld.Request(), CancellationToken.None));
        Assert.Single(sandboxes.List(null));
    }

    [Fact]
    public async Task Another_request_under_a_living_name_is_AlreadyExists_and_a_stopped_one_too()
    {
        var sandboxes = await _world.StartAsync();
        var id = await sandboxes.RunAsync(SandboxWorld.Request(network: NamespaceMode.Node), CancellationToken.None);
        var other = SandboxWorld.Request(network: NamespaceMode.Node);
        other.Config.Labels["app"] = "another";
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => sandboxes.RunAsync(other, CancellationToken.None));
        Assert.Equal(FaultCode.AlreadyExists, fault.Code);
        Assert.Contains(id, fault.Message, StringComparison.Ordinal);

        await sandboxes.StopAsync(id, CancellationToken.None);
        fault = await Assert.ThrowsAsync<RuntimeFault>(() => sandboxes.RunAsync(SandboxWorld.Request(network: NamespaceMode.Node), CancellationToken.None));
        Assert.Equal(FaultCode.AlreadyExists, fault.Code);
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.NotEqual(id, await sandboxes.RunAsync(other, CancellationToken.None));
    }

    [Fact]
    public async Task Stop_during_ADD_cancels_it_and_nothing_is_left()
    {
        _world.UseScript("hangs", $"echo $CNI_COMMAND >> {_world.At("calls")}; [ $CNI_COMMAND = DEL ] && exit 0; exec sleep 1000");
        var sandboxes = await _world.StartAsync();
        var run = sandboxes.RunAsync(SandboxWorld.Request(), CancellationToken.None);
        await Eventually.TrueAsync(() => new FileInfo(_world.At("calls")) is { Exists: true, Length: > 0 }); // a shell makes a file before it writes
        await sandboxes.StopAsync(sandboxes.List(null)[0].Id, CancellationToken.None);

        Assert.Equal(FaultCode.Aborted, (await Assert.ThrowsAsync<RuntimeFault>(() => run)).Code);
        Assert.Equal(["ADD", "DEL"], File.ReadAllLines(_world.At("calls")));
        Assert.Empty(sandboxes.List(null));
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task A_failed_ADD_is_followed_by_DEL_and_the_plugins_sentence_reaches_the_client()
    {
        _world.UseScript("refuses", $$"""echo $CNI_COMMAND >> {{_world.At("calls")}}; [ $CNI_COMMAND = DEL ] && exit 0; echo '{"code":7,"msg":"no carrier"}'; exit 1""");
        var sandboxes = await _world.StartAsync();
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => sandboxes.RunAsync(SandboxWorld.Request(), CancellationToken.None));
        Assert.Contains("failed to set up network of pod sandbox", fault.Message, StringComparison.Ordinal);
        Assert.Contains("no carrier (CNI error 7)", fault.Message, StringComparison.Ordinal);
        Assert.Equal(["ADD", "DEL"], File.ReadAllLines(_world.At("calls")));
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task A_DEL_that_fails_fails_the_stop_and_is_tried_until_it_works_with_the_configuration_gone()
    {
        _world.UseScript("sticky", $"[ $CNI_COMMAND = ADD ] && echo '{Result}' && exit 0; [ -e {_world.At("fixed")} ]");
        var sandboxes = await _world.StartAsync();
        var id = await sandboxes.RunAsync(SandboxWorld.Request(), CancellationToken.None);
        Assert.Equal("10.9.9.9", sandboxes.Status(new PodSandboxStatusRequest { PodSandboxId = id }).Status.Network.Ip);
        File.Delete(_world.At("conf/05-script.conflist"));

        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => sandboxes.StopAsync(id, CancellationToken.None));
        Assert.Contains("tried again until it works", fault.Message, StringComparison.Ordinal);
        Assert.Equal(PodSandboxState.SandboxNotready, sandboxes.List(null)[0].State);
        await Assert.ThrowsAsync<RuntimeFault>(() => sandboxes.RemoveAsync(id, CancellationToken.None));

        File.WriteAllText(_world.At("fixed"), "");
        await Eventually.TrueAsync(() => !File.Exists(_world.At($"root/sandboxes/{id}/cni.json")));
        await sandboxes.RemoveAsync(id, CancellationToken.None);
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public async Task An_undo_that_fails_goes_on_in_the_background_and_the_name_is_free()
    {
        _world.UseScript("sticky", $"[ $CNI_COMMAND = ADD ] && exit 1; [ -e {_world.At("fixed")} ]");
        var sandboxes = await _world.StartAsync();
        await Assert.ThrowsAsync<RuntimeFault>(() => sandboxes.RunAsync(SandboxWorld.Request(), CancellationToken.None));
        Assert.Empty(sandboxes.List(null));
        Assert.NotEmpty(_world.Leftovers());
        var again = await Assert.ThrowsAsync<RuntimeFault>(() => sandboxes.RunAsync(SandboxWorld.Request(), CancellationToken.None));
        Assert.NotEqual(FaultCode.AlreadyExists, again.Code);
        File.WriteAllText(_world.At("fixed"), "");
        await Eventually.TrueAsync(() => _world.Leftovers().Count == 0);
    }

    [Fact]
    public async Task Many_pods_at_once_have_an_address_each()
    {
        _world.UseBridge();
        var sandboxes = await _world.StartAsync();
        var ids = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => sandboxes.RunAsync(SandboxWorld.Request($"pod{i}"), CancellationToken.None)));
        var ips = ids.Select(id => sandboxes.Status(new PodSandboxStatusRequest { PodSandboxId = id }).Status.Network.Ip).ToList();
        Assert.Equal(12, ips.Distinct().Count());
        await Task.WhenAll(ids.Select(id => sandboxes.RemoveAsync(id, CancellationToken.None)));
        Assert.Empty(_world.Leftovers());
    }

    [Fact]
    public void Two_ids_with_one_prefix_are_ambiguous()
    {
        var store = new SandboxStore();
        foreach (var last in "ab") store.Add(new SandboxEntry(SandboxShape.Of(new string('0', 63) + last, SandboxWorld.Request(), new SandboxPaths(_world.Options)), SandboxWorld.Request()));
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => store.Find("000")).Code);
        Assert.Equal(FaultCode.InvalidArgument, Assert.Throws<RuntimeFault>(() => store.Find("")).Code);
        Assert.Null(store.Find("1"));
        Assert.NotNull(store.Find(new string('0', 63) + "b"));
    }
}
