using System.Collections.Concurrent;

namespace ShimRuntime.Chaos.Tests;

/// <summary>
/// Each failpoint that a story meets once, with a death that changes from point to point; a dozen in one story. What a fault leads to and no
/// story meets (the undoing) is armed in a second telling of the same.
/// </summary>
public sealed class SampleTests
{
    private const int PointsInAStory = 12;
    private const int Walkers = 3;
    private readonly ConcurrentQueue<string> _failures = new();
    private readonly ConcurrentDictionary<string, bool> _met = new();

    [Fact]
    public async Task EveryPointOnce()
    {
        var atlas = await Atlas.DrawAsync(Walkers);
        foreach (var (point, _) in atlas.Met) _met[point.Name] = true;
        var groups = atlas.Met.GroupBy(m => m.Story, m => m.Point).SelectMany(g => Groups(g.Key, [.. g]));
        await Workers.RunAsync(Walkers, groups, TellAsync);
        Assert.True(_failures.IsEmpty, $"{_failures.Count} of the groups:\n{string.Join('\n', _failures)}");
        Assert.True(atlas.Met.Count > Failpoint.All.Count / 2, $"{atlas.Met.Count} of {Failpoint.All.Count} points are met");
    }

    private async Task TellAsync(Walk walk, (Story Story, IReadOnlyList<(Failpoint Point, Death Death)> Armed) group)
    {
        var further = await TellOnceAsync(walk, group.Story, group.Armed);
        if (further.Count > 0) await TellOnceAsync(walk, group.Story, [.. group.Armed, .. further]);
    }

    /// <summary>Points that nobody has met before.</summary>
    private async Task<IReadOnlyList<(Failpoint Point, Death Death)>> TellOnceAsync(
        Walk walk, Story story, IReadOnlyList<(Failpoint Point, Death Death)> armed)
    {
        // One that ends well when it is told again is in the journal, and `make chaos` has no mercy with it: here it would stop everybody else's work.
        if (await walk.TellAsync(story, armed) is not null && await walk.TellAsync(story, armed) is { } failure)
            _failures.Enqueue($"{story.Name} with {string.Join(", ", armed.Select(a => $"{a.Death} at {a.Point.Name}"))}:\n  {failure}");
        return [.. Failpoint.All.Where(p => walk.Hits.Contains(p.Name) && _met.TryAdd(p.Name, true)).Select((p, i) => (p, DeathOf(p, i)))];
    }

    /// <summary>Points that lie apart, so that one fault is over when the next comes.</summary>
    private static IEnumerable<(Story Story, IReadOnlyList<(Failpoint Point, Death Death)> Armed)> Groups(Story story, List<Failpoint> points)
    {
        var groups = (points.Count + PointsInAStory - 1) / PointsInAStory;
        return points.Select((p, i) => (Point: p, Death: DeathOf(p, i), Group: i % groups)).GroupBy(c => c.Group, c => (c.Point, c.Death))
            .Select(g => (story, (IReadOnlyList<(Failpoint, Death)>)[.. g]));
    }

    private static Death DeathOf(Failpoint point, int index) => (Death)((index + index / 4) % 4) switch
    {
        Death.Error when !point.Errors => Death.KillDaemon,
        var death => death,
    };
}
