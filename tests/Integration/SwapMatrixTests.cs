using Grpc.Core;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>
/// <see cref="SwapMatrix"/>, row by row: the swap is held in the phase, the fault is made, the rest is let go. Then outcome, generation, status, what
/// clients saw and what is left are exact, and a container that runs can be swapped again. What the pod leaves is looked for after each.
/// </summary>
public abstract partial class SwapMatrixTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const long Probation = 4_000; // as long as the slowest fault needs
    private protected const long EndlessProbation = 120_000;

    protected override DaemonOptions Options => new() { Configuration = new RuncGates(World).Install() };

    private protected async Task RunAsync((Level Level, Phase Phase) at, SwapFault fault, string cell)
    {
        var verdict = SwapVerdict.Parse(cell);
        (PushedImage Old, PushedImage Next)? images = fault == SwapFault.ImageRemoved ? await PulledAsync() : null;
        await using var scene = await SwapScene.ServeAsync(Daemon, at, images?.Old.Reference);
        await scene.BeginAsync(r => Shape(r, scene, (fault, verdict), images));
        var row = new Row(scene, fault, verdict, images);
        var check = await InjectAsync(row);
        scene.LetGo();
        await JudgeAsync(row);
        await check();
        if (verdict.Exit is null) await GoesOnAsync(row);
    }

    /// <summary>One cell under test.</summary>
    private sealed record Row(SwapScene Scene, SwapFault Fault, SwapVerdict Verdict, (PushedImage Old, PushedImage Next)? Images);

    private static void Shape(SwapRequest request, SwapScene scene, (SwapFault Fault, SwapVerdict Verdict) row, (PushedImage Old, PushedImage Next)? images)
    {
        if (scene.Phase == Phase.Probation || (scene.Phase == Phase.Commit && !scene.Overlaps))
            request.ProbationMilliseconds = row.Verdict.Outcome == Outcome.Swapped ? Probation : EndlessProbation;
        if (row.Fault == SwapFault.NeverReady) request.Ready.TimeoutMilliseconds = 500;
        if (images is { Next: var next }) request.Patch.Image = $"{next.Repository}@{next.ManifestDigest}";
    }

    /// <summary>Two images of one repository; both are the test's to remove.</summary>
    private protected async Task<(PushedImage Old, PushedImage Next)> PulledAsync()
    {
        var (old, next) = (await PushAsync("1"), await PushAsync("2"));
        await Daemon.PullAsync(old.Reference);
        await Daemon.PullAsync($"{next.Repository}@{next.ManifestDigest}");
        return (old, next);
    }

    private static async Task<PushedImage> PushAsync(string version) =>
        await (await TestImages.OnBusyboxAsync()).With("Labels", new System.Text.Json.Nodes.JsonObject { ["version"] = version })
            .PushAsync(await Registry.SharedAsync(), "swap/matrix", version);

    private async Task JudgeAsync(Row row)
    {
        var (scene, verdict) = (row.Scene, row.Verdict);
        var end = await scene.Swap.EndAsync();
        Assert.True((end.Phase, end.Outcome, end.Generation) == (Phase.Done, verdict.Outcome, verdict.Generation),
            $"{end.Outcome} {end.Generation}: {end.Cause}; {string.Join(", ", scene.Swap.Phases)}");
        Assert.Contains(CauseOf(row), end.Cause, StringComparison.Ordinal);
        Assert.Equal(verdict.Outcome == Outcome.Swapped, end.Cause.Length == 0);
        var state = await Daemon.Client.HotSwap.GetStatusAsync(new GetStatusRequest { ContainerId = scene.Container.Id });
        Assert.Equal((verdict.Generation, Phase.Done, end.Outcome, end.Cause, false),
            (state.Generation, state.Swap.Phase, state.Swap.Outcome, state.Swap.Cause, state.Swap.RollbackPossible));
        if (verdict.Exit is { } exit) await EndedAsync(scene, exit);
        else await ServesAsync(row);
    }

    private static string CauseOf(Row row) => row.Verdict.Outcome == Outcome.Swapped ? "" : row.Fault switch
    {
        SwapFault.NewDies => row.Scene.Phase == Phase.Create ? "runc create" : "generation 2 ended: Error, 137",
        SwapFault.NeverReady => "generation 2: it was not ready within 0.5 s",
        SwapFault.OomOfNew => "generation 2 ended: OOMKilled, 137",
        SwapFault.OldDies => "generation 1 ended: Error, 137",
        SwapFault.OomOfOld => "generation 1 ended: OOMKilled, 137",
        SwapFault.ShimKilled => "the container's shim died",
        SwapFault.Stop or SwapFault.StopPodSandbox => "the container was stopped",
        SwapFault.DiskFull => "no space left",
        _ => throw new ArgumentOutOfRangeException(nameof(row)),
    };

    private static async Task EndedAsync(SwapScene scene, (int Code, string Reason) exit)
    {
        var status = await scene.Container.ExitedAsync();
        Assert.Equal((exit.Code, exit.Reason), (status.ExitCode, status.Reason));
        var expected = scene.Before.Clone();
        (expected.State, expected.ExitCode, expected.Reason, expected.Message) = (ContainerState.ContainerExited, exit.Code, exit.Reason, status.Message);
        Assert.InRange(status.FinishedAt, scene.Before.StartedAt, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000);
        (expected.FinishedAt, expected.Resources) = (status.FinishedAt, status.Resources); // of one that runs the kernel's own numbers are shown
        Assert.Equal(expected, status);
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => scene.Container.Swap(scene.To("g4")).EndAsync(), "exited");
    }

    private static async Task ServesAsync(Row row)
    {
        var (scene, verdict) = (row.Scene, row.Verdict);
        await scene.AnswersAsync(verdict.Version);
        Assert.Equal(verdict.Version, await scene.Container.ExecAsync("echo $V"));
        var expected = scene.Before.Clone();
        if (row.Fault == SwapFault.Update) expected.Resources.Linux.MemoryLimitInBytes = UpdatedLimit;
        if (row.Images is { Next: var next })
        {
            (expected.ImageId, expected.ImageRef) = (next.ConfigDigest, $"{next.Repository}@{next.ManifestDigest}");
            expected.Image.Image = expected.Image.UserSpecifiedImage = $"{next.Repository}@{next.ManifestDigest}";
        }

        Assert.Equal(expected, await scene.Container.StatusAsync());
        await OnlyAsync(scene, verdict.Generation);
    }

    /// <summary>Of all generations the one that serves is left: its leaf, its bundle, its runc state.</summary>
    private static Task OnlyAsync(SwapScene scene, uint generation) => Eventually.True(
        () => Task.FromResult(LeavesOf(scene) == $"g{generation}-{scene.Container.Id}" && BundlesOf(scene) == $"g{generation}"
            && RuncStatesOf(scene) == $"{scene.Container.Id}.g{generation}"),
        () => $"nothing but generation {generation} is left: {LeavesOf(scene)}; {BundlesOf(scene)}; {RuncStatesOf(scene)}");

    private static string LeavesOf(SwapScene scene) =>
        Names(Cgroups.Hierarchies.Select(h => h + scene.Container.Cgroup).Where(Directory.Exists).SelectMany(Directory.GetDirectories));

    private static string BundlesOf(SwapScene scene) => Names(Directory.GetDirectories(scene.RunDirectory, "g*"));

    private static string RuncStatesOf(SwapScene scene) =>
        Names(Directory.GetDirectories(Path.Combine(scene.RunDirectory, "../../runc"), $"{scene.Container.Id}.g*"));

    private static string Names(IEnumerable<string> paths) =>
        string.Join(' ', paths.Select(p => Path.GetFileName(p)).Distinct().Order(StringComparer.Ordinal));

    /// <summary>A plain swap succeeds, and nobody was turned away in all the time.</summary>
    private static async Task GoesOnAsync(Row row)
    {
        var scene = row.Scene;
        var end = await scene.Container.SwapAfterPauseAsync(scene.To("g4"));
        Assert.True(end.Outcome == Outcome.Swapped, $"{end.Outcome}: {end.Cause}");
        await scene.AnswersAsync("g4");
        await OnlyAsync(scene, end.Generation);
        var wrong = await scene.Client.EndAsync("g1", "g2", "g4");
        if (scene.Level != Level.L0) Assert.DoesNotContain(wrong, w => !IsCut(row, w));
    }

    /// <summary>Who is killed does not answer what it has accepted.</summary>
    private static bool IsCut(Row row, string answer) => !answer.Contains("refused", StringComparison.OrdinalIgnoreCase)
        && row.Fault is SwapFault.NewDies or SwapFault.OldDies or SwapFault.OomOfNew or SwapFault.OomOfOld;
}
