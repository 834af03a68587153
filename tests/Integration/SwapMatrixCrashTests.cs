using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>The fault matrix of hot swap: shim or daemon dies, or somebody wants the images away.</summary>
public sealed class SwapMatrixCrashTests(DaemonFixture daemon) : SwapMatrixTests(daemon)
{
    public static TheoryData<Level, Phase, SwapFault, string> Cells =>
        SwapMatrix.Of(SwapFault.ShimKilled, SwapFault.DaemonKilled, SwapFault.ImageRemoved);

    [Theory]
    [MemberData(nameof(Cells))]
    public Task Comes(Level level, Phase phase, SwapFault fault, string to) => RunAsync((level, phase), fault, to);

    /// <summary>Not through us: its record is taken away behind the daemon's back. The way back is mounted, and needs no image.</summary>
    [Theory]
    [InlineData(Level.L0)]
    [InlineData(Level.L1)]
    [InlineData(Level.L2)]
    [InlineData(Level.L3)]
    public async Task AnImageThatIsForcedAwayInProbationIsNotMissedByTheWayBack(Level level)
    {
        var (old, next) = await PulledAsync();
        await using var scene = await SwapScene.ServeAsync(Daemon, (level, Phase.Probation), old.Reference);
        await scene.Container.ExecAsync("echo mine > /written");
        await scene.BeginAsync(r => (r.Patch.Image, r.ProbationMilliseconds) = ($"{next.Repository}@{next.ManifestDigest}", EndlessProbation));
        await scene.AnswersAsync("g2");
        await Daemon.KillAsync();
        File.Delete(Path.Combine(World.Root, "images", $"{old.ConfigDigest["sha256:".Length..]}.json"));
        await Daemon.StartAsync();
        scene.Swap = scene.Container.Swap(scene.Request);
        await Daemon.Client.HotSwap.RollbackAsync(new RollbackRequest { ContainerId = scene.Container.Id });
        var end = await scene.Swap.EndAsync();
        Assert.Equal((Outcome.Reverted, 3u), (end.Outcome, end.Generation));
        await scene.AnswersAsync("g1");
        Assert.Equal("mine", await scene.Container.ExecAsync("cat /written"));
        var expected = scene.Before.Clone();
        expected.ImageRef = old.ConfigDigest; // nobody knows any more what it was called
        Assert.Equal(expected, await scene.Container.StatusAsync());
        var wrong = await scene.Client.EndAsync("g1", "g2");
        if (level != Level.L0) Assert.Empty(wrong);
        await scene.Container.Pod.RemoveAsync();
        await Daemon.RestartAsync(); // its layers are collected
    }
}
