using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Chaos.Tests;

/// <summary>
/// Stories with armed points, each followed by the demands: calls succeed when they are made again, the lists are exact, nothing is left, exit
/// codes are right. A world in which one of them was not met is given up, and the next case has a new one.
/// </summary>
public sealed class Walk(string name) : IAsyncDisposable
{
    private DaemonFixture? _daemon;
    private ArmedPoints? _points;
    private LeakCheck? _before;
    private int _worlds;
    private int _lives;

    /// <summary>What a story hits when nothing is armed.</summary>
    public async Task<IReadOnlySet<string>> ListenAsync(Story story)
    {
        await OpenAsync();
        _points!.TakeHits();
        if (await TellAsync(story, []) is { } failure) throw new InvalidOperationException($"{story.Name}, with nothing armed: {failure}");
        return _points.TakeHits();
    }

    /// <summary>Null: all demands were met. Else what was not.</summary>
    public async Task<string?> TellAsync(Story story, IReadOnlyList<(Failpoint Point, Death Death)> armed)
    {
        await OpenAsync();
        var node = new Node(_daemon!)
        {
            Forgiven = armed.Count * 2, // the call that is hit, and one that finds the daemon dead or dying
            ShimsDie = armed.Any(a => a.Death == Death.KillShim),
            CallsFail = armed.Any(a => a.Death == Death.Error),
        };
        foreach (var (point, death) in armed) _points!.Arm(point.Name, death);
        try
        {
            await story.TellAsync(new Life(node, $"{story.Name}-{++_lives}"));
            Unreached = _points!.Disarm();
            await node.ServeAsync();
            await _before!.AssertRestoredAsync(_daemon!.World, _daemon.Pid);
            return null;
        }
        catch (Exception e)
        {
            Unreached = _points!.Disarm();
            await AbandonAsync();
            return e.Message;
        }
    }

    /// <summary>Points of the last story that it did not come by: another way was gone than with nothing armed.</summary>
    public IReadOnlyList<string> Unreached { get; private set; } = [];

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null) await _daemon.DisposeAsync();
    }

    private async Task OpenAsync()
    {
        if (_daemon is not null) return;
        _daemon = new DaemonFixture();
        await _daemon.StartForAsync($"chaos-{name}-{++_worlds}");
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
