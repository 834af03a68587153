using Grpc.Core;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>The fault matrix of hot swap: no space is left, neither for what is durable nor in /run. Both are small file systems here.</summary>
public sealed class SwapMatrixDiskTests(DaemonFixture daemon) : SwapMatrixTests(daemon)
{
    public static TheoryData<Level, Phase, SwapFault, string> Cells => SwapMatrix.Of(SwapFault.DiskFull);

    protected override DaemonOptions Options => base.Options with { Prelude = $"{SmallDisk.Mount(World.Root, 64)}\n{SmallDisk.Mount(World.State, 8)}" };

    [Theory]
    [MemberData(nameof(Cells))]
    public Task Comes(Level level, Phase phase, SwapFault fault, string to) => RunAsync((level, phase), fault, to);

    [Theory]
    [InlineData("state", Rootfs.Keep)]
    [InlineData("root", Rootfs.Keep)]
    [InlineData("root", Rootfs.Fresh)]
    public async Task WithoutSpaceToBeginNothingIsTouched(string full, Rootfs rootfs)
    {
        await using var scene = await SwapScene.ServeAsync(Daemon, (Level.L2, Phase.Prepare), null);
        var (pid, filler) = (await scene.Container.PidAsync(), Path.Combine(World.Base, full, "filler"));
        var request = scene.To("g2");
        request.Rootfs = rootfs;
        try
        {
            await SmallDisk.FillAsync(filler);
            await Faults.ExpectAsync(StatusCode.Internal, () => scene.Container.Swap(request).EndAsync(), "no space left");
        }
        finally
        {
            File.Delete(filler);
        }

        Assert.Equal(pid, await scene.Container.PidAsync());
        Assert.Equal(scene.Before, await scene.Container.StatusAsync());
        await SwapTests.SwapAsync(scene.Container, scene.To("g2"));
        Assert.Empty(await scene.Client.EndAsync("g1", "g2"));
    }
}
