using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <content>Hot swap in such a pod.</content>
public sealed partial class UserNamespaceTests
{
    [Fact]
    public async Task AHotSwapAndItsWayBackKeepUsersAndVolumes()
    {
        var source = HostDirectory("swapped");
        await File.WriteAllTextAsync(Path.Combine(source, "file"), "of the volume");
        var container = await (await RunUsersPodAsync()).RunAsync("trap 'exit 0' TERM; while :; do sleep 0.1; done", c => c.Mounts.Add(Mapped(source, "/mapped")));
        var request = SwapTests.Quick(("V", "2"));
        (request.Rootfs, request.ProbationMilliseconds) = (Rootfs.Fresh, 60_000);
        var swap = container.Swap(request);
        await swap.EnteredAsync(Phase.Probation);
        await StaysAsync(container);
        await Daemon.Client.HotSwap.RollbackAsync(new RollbackRequest { ContainerId = container.Id });
        Assert.Equal(Outcome.Reverted, (await swap.EndAsync()).Outcome);
        await StaysAsync(container);
        Assert.False(Directory.Exists(Path.Combine(World.State, "c", container.Id[..16], "volumes")), "copies of volumes are let go");
    }

    private static async Task StaysAsync(Container container)
    {
        Assert.Equal("0 of the volume 0:0", Squeeze(await container.ExecAsync("id -u; cat /mapped/file; echo; stat -c %u:%g /etc/passwd")));
        Assert.Equal("0 200000 65536", Squeeze(Processes.Read(await container.PidAsync(), "uid_map")));
    }
}
