using ShimRuntime.Integration.Tests.Harness;
using ShimRuntime.PowerLoss.Tests.Replay;
using ShimRuntime.PowerLoss.Tests.Story;
using ShimRuntime.PowerLoss.Tests.Trace;

namespace ShimRuntime.PowerLoss.Tests;

/// <summary>A story that was told to a traced daemon until the power went, and the disks that this may have left.</summary>
internal sealed record RecordedStory(CrashCases Cases, Verdicts Verdicts)
{
    public static async Task<RecordedStory> TellAsync(Func<Client, StoryImages, Task> story)
    {
        var daemon = new DaemonFixture();
        try
        {
            var images = await StoryImages.PushAsync();
            var recording = new Recording(Path.Combine(daemon.World.Base, "trace"));
            var diary = new Diary();
            await daemon.StartForAsync("PowerLossRecording", new DaemonOptions { PullBusybox = false, Prelude = recording.Prelude });
            await story(new Client(daemon, diary), images);
            await recording.QuietAsync();
            await CutAsync(daemon);
            await recording.EndAsync();
            var cases = CrashCases.Of(recording, daemon.World.Root);
            ModelCheck.Same(cases.Disk, daemon.World.Root);
            return new RecordedStory(cases, new Verdicts(daemon.World, diary, cases.Layers) { Images = images });
        }
        finally
        {
            await daemon.DisposeAsync();
        }
    }

    /// <summary>No process of the world outlives it: shims go before what they watch, so that none is cut in the middle of an exit record.</summary>
    private static async Task CutAsync(DaemonFixture daemon)
    {
        await daemon.KillAsync();
        await Eventually.True(() =>
        {
            var left = LeakCheck.ProcessesOf(daemon.World).Where(p => Processes.IsAlive(p) && Processes.Read(p, "comm").Trim() != "strace")
                .OrderByDescending(p => Path.GetFileName(Processes.Link(p, "exe")) == "shimruntime-shim").ToList();
            foreach (var pid in left)
            {
                using var process = Linux.SafePidFd.TryOpen(pid);
                process?.Signal(9);
            }

            return left.Count == 0;
        }, "every process of the recorded world ends");
    }
}
