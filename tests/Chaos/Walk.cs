using System.Diagnostics;
using System.Globalization;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Chaos.Tests;

/// <summary>
/// Stories with armed points, each followed by the demands: calls succeed when they are made again, the lists are exact, nothing is left, exit
/// codes are right. A world in which one of them was not met is given up, and the next case has a new one.
/// </summary>
public sealed class Walk(string name) : IAsyncDisposable
{
    private static readonly Lock Journal = new();
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LastDeaths = TimeSpan.FromSeconds(1);
    private DaemonFixture? _daemon;
    private ArmedPoints? _points;
    private LeakCheck? _before;
    private string _world = "";
    private int _worlds;
    private int _lives;

    /// <summary>What a story hits when nothing is armed.</summary>
    public async Task<IReadOnlySet<string>> ListenAsync(Story story)
    {
        await OpenAsync();
        if (await TellAsync(story, []) is { } failure) throw new InvalidOperationException($"{story.Name}, with nothing armed: {failure}");
        return Hits;
    }

    /// <summary>Null: all demands were met. Else what was not. Kept in artifacts/test-logs/chaos-journal.txt.</summary>
    public async Task<string?> TellAsync(Story story, IReadOnlyList<(Failpoint Point, Death Death)> armed)
    {
        var clock = Stopwatch.StartNew();
        var failure = await TellOnceAsync(story, armed);
        var what = string.Join(", ", armed.Select(a => $"{a.Death} at {a.Point.Name}{(Unreached.Contains(a.Point.Name) ? " (not met)" : "")}"));
        var text = string.Create(CultureInfo.InvariantCulture,
            $"{DateTime.UtcNow:HH:mm:ss} {clock.Elapsed.TotalSeconds,5:0.0} s {(failure is null ? "ok  " : "FAIL")} {_world}: {story.Name} with {what}\n{failure}{(failure is null ? "" : "\n")}");
        lock (Journal) File.AppendAllText(Path.Combine(Installation.Logs, "chaos-journal.txt"), text);
        return failure;
    }

    private async Task<string?> TellOnceAsync(Story story, IReadOnlyList<(Failpoint Point, Death Death)> armed)
    {
        await OpenAsync();
        var node = new Node(_daemon!)
        {
            Forgiven = armed.Count * 2, // the call that is hit, and one that finds the daemon dead or dying
            DaemonsDie = armed.Any(a => a.Death == Death.KillDaemon),
            ShimsDie = armed.Any(a => a.Death == Death.KillShim),
            CallsFail = armed.Any(a => a.Death == Death.Error),
        };
        _points!.TakeHits();
        foreach (var (point, death) in armed) _points.Arm(point.Name, death);
        try
        {
            await story.TellAsync(new Life(node, $"{story.Name}-{++_lives}"));
            Finish();
            await node.ServeAsync();
            await _before!.AssertRestoredAsync(_daemon!.World, _daemon.Pid, Patience);
            return null;
        }
        catch (Exception e)
        {
            Finish();
            await AbandonAsync();
            return e.Message;
        }
    }

    /// <summary>Points of the last story that it did not come by: another way was gone than with nothing armed.</summary>
    public IReadOnlyList<string> Unreached { get; private set; } = [];

    /// <summary>All that it came by.</summary>
    public IReadOnlySet<string> Hits { get; private set; } = new HashSet<string>();

    public async ValueTask DisposeAsync()
    {
        if (_daemon is null) return;
        // A death that was met in the background at the last moment may be on its way to a daemon that is being ended here.
        await Task.Delay(LastDeaths);
        await _daemon.DisposeAsync();
    }

    private void Finish()
    {
        Unreached = _points!.Disarm();
        Hits = _points.TakeHits();
    }

    private async Task OpenAsync()
    {
        if (_daemon is not null) return;
        _daemon = new DaemonFixture();
        _world = $"chaos-{name}-{++_worlds}";
        await _daemon.StartForAsync(_world);
        _points = new ArmedPoints(_daemon.World);
        _before = await LeakCheck.TakeAsync(_daemon.World, _daemon.Pid);
    }

    private async Task AbandonAsync()
    {
        try
        {
            await _daemon!.DisposeAsync();
        }
        catch (Exception)
        {
            // What is wrong with it has been told.
        }

        await _daemon!.World.DestroyAsync();
        _daemon = null;
    }
}
