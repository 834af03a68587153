using Grpc.Core;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using ShimRuntime.Linux;

namespace ShimRuntime.Integration.Tests;

/// <content>
/// The faults. Each is made in the phase, and seen by whom it concerns, when the swap is let go; it returns what is to be seen in the end.
/// </content>
public abstract partial class SwapMatrixTests
{
    private const long UpdatedLimit = 48 << 20;
    private const int SIGKILL = 9;
    private const int SIGSTOP = 19;

    private Task<Func<Task>> InjectAsync(Row row) => row.Fault switch
    {
        SwapFault.NewDies => NewDiesAsync(row),
        SwapFault.NeverReady => EndsAsync(row),
        SwapFault.OldDies => OldDiesAsync(row),
        SwapFault.OomOfNew => NewGrowsAsync(row),
        SwapFault.OomOfOld => OldGrowsAsync(row),
        SwapFault.ShimKilled => KillShimAsync(row),
        SwapFault.DaemonKilled => KillDaemonAsync(row),
        SwapFault.Stop => StopAsync(row, row.Scene.Container.StopAsync(2)),
        SwapFault.StopPodSandbox => StopAsync(row, row.Scene.Container.Pod.StopAsync()),
        SwapFault.Update => UpdateAsync(row),
        SwapFault.ReopenLog => ReopenLogAsync(row),
        SwapFault.ExecRuns => ExecAsync(row),
        SwapFault.SameSwap => SwapTheSameAsync(row),
        SwapFault.OtherSwap => SwapOtherwiseAsync(row),
        SwapFault.ImageRemoved => RemoveImagesAsync(row),
        SwapFault.DiskFull => FillAsync(row),
        _ => throw new ArgumentOutOfRangeException(nameof(row)),
    };

    private static readonly Func<Task> Nothing = () => Task.CompletedTask;

    private static async Task<Func<Task>> NewDiesAsync(Row row)
    {
        await row.Scene.KillAsync(2);
        await WayBackAsync(row);
        return Nothing;
    }

    private static async Task<Func<Task>> NewGrowsAsync(Row row)
    {
        row.Scene.Touch("grow-g2");
        await WayBackAsync(row);
        return () => ReasonAsync(row.Scene, 2);
    }

    private static Task WayBackAsync(Row row) => row.Scene.Phase == Phase.Done ? row.Scene.Container.ExitedAsync()
        : row.Scene.Swap.EnteredAsync(row.Verdict.Outcome == Outcome.Undone ? Phase.Undo : Phase.Revert);

    private static async Task<Func<Task>> OldDiesAsync(Row row)
    {
        await row.Scene.KillAsync(1);
        await row.Scene.SeenToEndAsync(1);
        return Nothing;
    }

    private static async Task<Func<Task>> OldGrowsAsync(Row row)
    {
        row.Scene.Touch("grow-g1");
        await row.Scene.SeenToEndAsync(1);
        return () => ReasonAsync(row.Scene, 1);
    }

    private static async Task ReasonAsync(SwapScene scene, uint generation)
    {
        var ended = (await scene.GenerationsAsync()).Single(g => g.Number == generation);
        Assert.Equal((137, "OOMKilled"), (ended.ExitCode, ended.Reason));
    }

    private static async Task<Func<Task>> EndsAsync(Row row)
    {
        await row.Scene.Swap.EndAsync();
        return Nothing;
    }

    private static async Task<Func<Task>> KillShimAsync(Row row)
    {
        var shim = (await row.Scene.Container.InfoAsync()).GetProperty("shimPid").GetInt32();
        using (var process = SafePidFd.TryOpen(shim)) process!.Signal(SIGKILL);
        await row.Scene.Swap.EndAsync();
        return Nothing;
    }

    /// <summary>In READY once more, stopped until the shim has isNew: a commit that no daemon has seen.</summary>
    private async Task<Func<Task>> KillDaemonAsync(Row row)
    {
        var scene = row.Scene;
        await Daemon.RestartAsync();
        scene.Swap = scene.Container.Swap(scene.Request);
        await scene.Swap.EnteredAsync(scene.Phase);
        if (scene.Phase != Phase.Ready) return Nothing;
        SafePidFd.TryOpen(Daemon.Pid)!.Signal(SIGSTOP);
        scene.LetGo();
        await Eventually.True(() => scene.Journaled() == 2, "the shim commits");
        await Daemon.RestartAsync();
        scene.Swap = scene.Container.Swap(scene.Request);
        return Nothing;
    }

    private static async Task<Func<Task>> StopAsync(Row row, Task stop)
    {
        await stop;
        await row.Scene.Swap.EndAsync();
        return Nothing;
    }

    private async Task<Func<Task>> UpdateAsync(Row row)
    {
        var container = row.Scene.Container;
        await Runtime.UpdateContainerResourcesAsync(new UpdateContainerResourcesRequest
        {
            ContainerId = container.Id, Linux = new LinuxContainerResources { MemoryLimitInBytes = UpdatedLimit },
        });
        Assert.Equal(UpdatedLimit, Cgroups.MemoryLimit(container.Cgroup));
        return () =>
        {
            Assert.Equal((UpdatedLimit, UpdatedLimit), (Cgroups.MemoryLimit(container.Cgroup), Cgroups.MemoryLimit(container.LeafOf(2))));
            return Task.CompletedTask;
        };
    }

    private static async Task<Func<Task>> ReopenLogAsync(Row row)
    {
        var container = row.Scene.Container;
        var rotated = container.LogPath + ".1";
        File.Move(container.LogPath, rotated);
        await container.ReopenLogAsync();
        var lines = CriLog.Read(rotated).Lines();
        return async () =>
        {
            await Eventually.True(
                () => CriLog.Read(rotated, container.LogPath).Lines() is ["g1 binds 1", _, _], "g1's end and g2's begin are in one of the files");
            Assert.Equal(lines, CriLog.Read(rotated).Lines()); // nothing more is written to it
        };
    }

    private static async Task<Func<Task>> ExecAsync(Row row)
    {
        var scene = row.Scene;
        var running = scene.Container.ExecSyncAsync(60, "/bin/sh", "-c", "echo $V > /gates/exec; exec sleep 1000");
        if (scene is { Phase: Phase.Start, Overlaps: false })
        {
            await Faults.ExpectAsync(StatusCode.Unavailable, () => running, "being replaced");
            return Nothing;
        }

        var isNew = scene.Phase is Phase.Commit or Phase.Probation or Phase.Done || scene.Phase == (scene.Overlaps ? Phase.Drain : Phase.Ready);
        await Eventually.True(() => Task.FromResult(scene.TryRead("exec") == (isNew ? "g2" : "g1")),
            () => $"the exec runs in the one that serves: {scene.TryRead("exec")} {(running.IsCompleted ? running.Exception?.Message ?? "ended" : "")}");
        await using (var streamed = await RemoteCommand.ExecAsync(scene.Container, new(), "/bin/sh", "-c", $"test $V = {(isNew ? "g2" : "g1")}"))
            Assert.Equal(0, await streamed.ExitCodeAsync());
        return async () =>
        {
            // It ends with the generation that it is in.
            if (isNew) Assert.False(running.IsCompleted);
            else Assert.Equal(137, (await running).ExitCode);
        };
    }

    private static async Task<Func<Task>> SwapTheSameAsync(Row row)
    {
        var scene = row.Scene;
        var second = scene.Container.Swap(scene.Request);
        await second.EnteredAsync(scene.Phase);
        return async () =>
        {
            await second.EndAsync();
            Assert.Equal(scene.Swap.Events, second.Events);
            var third = scene.Container.Swap(scene.Request);
            await third.EndAsync();
            Assert.Equal(scene.Swap.Events, third.Events);
        };
    }

    private static async Task<Func<Task>> SwapOtherwiseAsync(Row row)
    {
        var (container, other) = (row.Scene.Container, row.Scene.To("g5"));
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => container.Swap(other).EndAsync(), "swap 'matrix' is under way");
        return Nothing;
    }

    private async Task<Func<Task>> RemoveImagesAsync(Row row)
    {
        var (old, next) = row.Images!.Value;
        foreach (var image in new[] { old, next })
            await RefusedAsync(StatusCode.FailedPrecondition, Images.RemoveImageAsync(Of(image)), "pinned", "swap 'matrix'");
        return async () =>
        {
            await Images.RemoveImageAsync(Of(old));
            Assert.DoesNotContain(old.ConfigDigest, await Daemon.ImageIdsAsync());
        };
    }

    private static RemoveImageRequest Of(PushedImage image) => new() { Image = new ImageSpec { Image = image.ConfigDigest } };

    /// <summary>Until the swap is over. What could not be written then is written afterwards.</summary>
    private async Task<Func<Task>> FillAsync(Row row)
    {
        string[] fillers = [Path.Combine(World.State, "filler"), Path.Combine(World.Root, "filler")];
        try
        {
            foreach (var filler in fillers) await SmallDisk.FillAsync(filler);
            row.Scene.LetGo();
            await row.Scene.Swap.EndAsync();
        }
        finally
        {
            foreach (var filler in fillers) File.Delete(filler);
        }

        return async () =>
        {
            await Daemon.RestartAsync();
            var status = await Daemon.Client.HotSwap.GetStatusAsync(new GetStatusRequest { ContainerId = row.Scene.Container.Id });
            Assert.Equal(row.Verdict.Generation, status.Generation);
        };
    }
}
