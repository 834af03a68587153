using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>No space is left where records, images and layers are: what ends pods works, for it may be what makes room; what would begin one is refused.</summary>
public sealed class FullDiskTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private string Filler => Path.Combine(World.Root, "filler");

    protected override DaemonOptions Options => new() { Prelude = SmallDisk.Mount(World.Root, 64) };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task APodCanBeStoppedAndRemoved(bool daemonDiesBetween)
    {
        var container = await RunAsync("dd if=/dev/zero of=/big bs=1M count=16; echo up; trap 'exit 5' TERM; while :; do sleep 0.1; done");
        await container.LoggedAsync("up");
        var pod = container.Pod;
        var next = PodConfig(p => p.Metadata.Name = "next");
        try
        {
            await SmallDisk.FillAsync(Filler);
            await RefusedAsync(StatusCode.Internal, Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = next }), "no space left");
            await container.StopAsync(10);
            Assert.Equal((5, "Error"), ((await container.StatusAsync()).ExitCode, (await container.StatusAsync()).Reason));
            await pod.StopAsync();
            if (daemonDiesBetween) await Daemon.RestartAsync();
            var sandbox = Assert.Single((await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
            Assert.Equal((pod.Id, PodSandboxState.SandboxNotready), (sandbox.Id, sandbox.State));
            await pod.RemoveAsync();
            Assert.Empty((await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
            Assert.Empty((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
            // What the container has written was its pod's to give back.
            var id = (await Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = next })).PodSandboxId;
            await Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = id });
        }
        finally
        {
            File.Delete(Filler);
        }
    }

    [Fact]
    public async Task AnEndThatOnlyTheDaemonKnowsIsWrittenWhenThereIsRoom()
    {
        var container = await RunAsync("echo up; while :; do sleep 0.1; done");
        await container.LoggedAsync("up");
        var shim = (await container.InfoAsync()).GetProperty("shimPid").GetInt32();
        try
        {
            await SmallDisk.FillAsync(Filler);
            using (var process = Linux.SafePidFd.TryOpen(shim)) process!.Signal(9);
            Assert.Equal("ShimLost", (await container.ExitedAsync()).Reason);
        }
        finally
        {
            File.Delete(Filler);
        }

        await Eventually.True(() => File.ReadAllText(Path.Combine(World.Root, "containers", container.Id, "record.json")).Contains("ShimLost", StringComparison.Ordinal),
            "the record has the end");
        await Daemon.RestartAsync();
        Assert.Equal((137, "ShimLost"), ((await container.StatusAsync()).ExitCode, (await container.StatusAsync()).Reason));
    }
}
