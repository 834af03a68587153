using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Swaps that a file asks for, as a downwardAPI volume brings an annotation to the node.</summary>
public sealed class SwapTriggerTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const string Quick = "ready=delay:0.05 probation=0 drain=1";
    private const string Script = "echo V=$V; trap 'exit 0' TERM; while :; do sleep 0.05; done";

    protected override DaemonOptions Options { get; } = new() { Configuration = "[hotswap]\nallow = [\"trigger\", \"level\"]\nswaps_per_minute = 100" };

    [Fact]
    public async Task EachChangeIsAnsweredOnce()
    {
        var (volume, container) = await RunAsync($"env=V=never {Quick}"); // what was there before it began is no change
        await container.LoggedAsync("V=");
        volume.Write($"env=V=2 {Quick}");
        await container.LoggedAsync("V=2");
        await DoneAsync(container, 2);
        volume.Write($"env=V=2 {Quick}"); // written again, and nothing new
        volume.Write("");
        volume.Write($"env=V=2 {Quick} "); // a blank more
        await DoneAsync(container, 3);
        volume.Write("");
        volume.Write($"env=V=4 {Quick}");
        await container.LoggedAsync("V=4");
        Assert.Equal(["V=", "V=2", "V=2", "V=4"], container.Log().Lines());
        Assert.Equal("", (await StatusAsync(container)).TriggerCause);
    }

    [Fact]
    public async Task WhatComesMeanwhileWaitsAndTheLastCounts()
    {
        var (volume, container) = await RunAsync();
        volume.Write("env=V=2 ready=delay:1 probation=0");
        await Eventually.True(async () => (await StatusAsync(container)).Swap?.Phase == Phase.Ready, "the first one is under way");
        volume.Write($"env=V=3 {Quick}");
        volume.Write($"env=V=4 {Quick}");
        await DoneAsync(container, 3);
        await container.LoggedAsync("V=4");
        Assert.Equal(["V=", "V=2", "V=4"], container.Log().Lines());
    }

    [Fact]
    public async Task ARollbackDoesNotWait()
    {
        var (volume, container) = await RunAsync();
        volume.Write("env=V=2 ready=delay:0.05 probation=600");
        await Eventually.True(async () => (await StatusAsync(container)).Swap?.Phase == Phase.Probation, "it is on probation");
        volume.Write("rollback");
        await Eventually.True(async () => (await StatusAsync(container)).Swap?.Outcome == Outcome.Reverted, "the old spec is back");
        await Eventually.True(() => container.Log().Lines().SequenceEqual(["V=", "V=2", "V="]), "the old spec runs");
    }

    [Fact]
    public async Task WhatLeadsToNothingIsToldAndNotTriedAgain()
    {
        var (volume, container) = await RunAsync();
        foreach (var (content, words) in new[]
        {
            ("privileged=true", "'privileged'"), ("image=docker.io/library/other:1", "not on this node"), ("expect=9", "expected_generation 9"), ("rollback", "none is under way"),
            ($"command=/no/such {Quick}", "Undone"),
        })
        {
            volume.Write(content);
            await Eventually.True(async () => (await StatusAsync(container)).TriggerCause.Contains(words, StringComparison.Ordinal), $"'{content}' is refused with {words}");
        }

        Assert.Equal(1u, (await StatusAsync(container)).Generation);
        Assert.Equal(["V="], container.Log().Lines());
    }

    [Fact]
    public async Task ADaemonThatWasAwayAnswersWhatItHasMissed()
    {
        var (volume, container) = await RunAsync();
        await container.LoggedAsync("V=");
        await Daemon.KillAsync();
        volume.Write($"env=V=2 {Quick}");
        await Daemon.StartAsync();
        await DoneAsync(container, 2);
        await Daemon.RestartAsync();
        volume.Write($"env=V=3 {Quick}");
        await DoneAsync(container, 3);
        Assert.Equal(["V=", "V=2", "V=3"], container.Log().Lines());
    }

    [Fact]
    public async Task AFileThatTheContainerOrItsPodCouldWriteIsNoTrigger()
    {
        var pod = await RunPodAsync(p => p.Annotations["hotswap.shimruntime.io/trigger"] = "/podinfo/swap");
        var volume = new PodInfoVolume(Path.Combine(World.Base, $"podinfo-{pod.Id[..8]}"));
        var writable = await pod.RunAsync(Script, c => c.Mounts.Add(new Mount { HostPath = volume.Path, ContainerPath = "/podinfo" }));
        Assert.Contains("read-only", Assert.Single((await StatusAsync(writable)).IgnoredAnnotations), StringComparison.Ordinal);
        var container = await pod.RunAsync(Script, c => c.Mounts.Add(ReadOnly(volume)));
        volume.Write($"env=V=2 {Quick}");
        await Eventually.True(async () => (await StatusAsync(container)).TriggerCause.Contains("may write to the trigger file", StringComparison.Ordinal), "the other one is named");
    }

    private async Task<(PodInfoVolume Volume, Container Container)> RunAsync(string content = "")
    {
        var pod = await RunPodAsync(p => p.Annotations["hotswap.shimruntime.io/trigger"] = "/podinfo/swap");
        var volume = new PodInfoVolume(Path.Combine(World.Base, $"podinfo-{pod.Id[..8]}"), content);
        return (volume, await pod.RunAsync(Script, c => c.Mounts.Add(ReadOnly(volume))));
    }

    private static Mount ReadOnly(PodInfoVolume volume) => new() { HostPath = volume.Path, ContainerPath = "/podinfo", Readonly = true };

    private async Task<GetStatusResponse> StatusAsync(Container container) =>
        await Daemon.Client.HotSwap.GetStatusAsync(new GetStatusRequest { ContainerId = container.Id });

    private Task DoneAsync(Container container, uint generation) => Eventually.True(
        async () => await StatusAsync(container) is { Swap.Outcome: Outcome.Swapped } status && status.Generation == generation, $"generation {generation} serves");
}
