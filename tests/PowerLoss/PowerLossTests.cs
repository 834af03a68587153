using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using ShimRuntime.Integration.Tests.Harness;
using ShimRuntime.PowerLoss.Tests.Replay;
using ShimRuntime.PowerLoss.Tests.Story;
using Xunit.Abstractions;

namespace ShimRuntime.PowerLoss.Tests;

/// <summary>
/// The power goes at any moment: the daemon starts on whatever that leaves, tells nothing that is not so, has what clients were told, gives the rest
/// back, and pulls again.
/// </summary>
public sealed class PowerLossTests(ITestOutputHelper output)
{
    private const int Workers = 2;
    private const int Sample = 40;

    /// <summary>Where all would take too long: so many, evenly spread.</summary>
    private static readonly int Most = int.TryParse(Environment.GetEnvironmentVariable("SHIMRUNTIME_POWER_LOSS_DISKS"), out var most) ? most : int.MaxValue;

    [Fact]
    public Task ASampleOfTheDisksThatAPowerLossLeaves() => TryAsync(Stories.WholeAsync, Sample);

    [Fact]
    [Trait("selection", "whole")]
    public Task EveryDiskThatAPowerLossLeaves() => TryAsync(Stories.WholeAsync, Most);

    [Fact]
    [Trait("selection", "whole")]
    public Task EveryDiskOfAPull() => TryAsync(Stories.PullAsync, Most);

    private async Task TryAsync(Func<Client, StoryImages, Task> story, int most)
    {
        var clock = Stopwatch.StartNew();
        var recorded = await RecordedStory.TellAsync(story);
        var all = recorded.Cases.All;
        Say($"{recorded.Cases.Calls} calls changed the disk; {recorded.Cases.Images} disks, {all.Count} of them different; recorded in {clock.Elapsed.TotalSeconds:0} s");
        var chosen = most >= all.Count ? all : [.. Enumerable.Range(0, most).Select(i => all[(int)((long)i * (all.Count - 1) / (most - 1))])];
        var faults = await ReplayAsync(recorded.Verdicts, chosen);
        Say($"{chosen.Count} disks tried, {faults.Count} failed, {clock.Elapsed.TotalSeconds:0} s in all");
        Assert.True(faults.Count == 0, $"{faults.Count} of {chosen.Count} disks:\n{string.Join('\n', faults.Take(20))}");
    }

    private async Task<IReadOnlyList<string>> ReplayAsync(Verdicts verdicts, IReadOnlyList<CrashCase> cases)
    {
        var next = new ConcurrentQueue<CrashCase>(cases);
        var faults = new ConcurrentQueue<(int Number, string Text)>();
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(async worker =>
        {
            await using var node = new ReplayNode($"PowerLoss{worker.ToString(CultureInfo.InvariantCulture)}", verdicts);
            while (next.TryDequeue(out var crash))
            {
                var found = await node.TryAsync(crash);
                if (found.Count == 0) continue;
                var fault = $"{crash}\n    {string.Join("\n    ", found)}";
                Say(fault);
                faults.Enqueue((crash.Number, fault));
            }
        }));
        return [.. faults.OrderBy(f => f.Number).Select(f => f.Text)];
    }

    /// <summary>Also to a file: `dotnet test` shows nothing of a test that passes.</summary>
    private void Say(string line)
    {
        lock (output)
        {
            output.WriteLine(line);
            Directory.CreateDirectory(Installation.Logs);
            File.AppendAllText(Path.Combine(Installation.Logs, "power-loss.txt"), line + "\n");
        }
    }
}
