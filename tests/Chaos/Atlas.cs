using System.Collections.Concurrent;

namespace ShimRuntime.Chaos.Tests;

/// <summary>Which story meets which point when nothing fails: each point belongs to the first of them, the shortest.</summary>
public sealed class Atlas
{
    private Atlas(IReadOnlyDictionary<string, Story> stories) =>
        Met = [.. Failpoint.All.Where(p => stories.ContainsKey(p.Name)).Select(p => (p, stories[p.Name]))];

    /// <summary>By name.</summary>
    public IReadOnlyList<(Failpoint Point, Story Story)> Met { get; }

    /// <summary>Tells every story once. What is hit and in no list is a failure: the binaries are others than the list.</summary>
    public static async Task<Atlas> DrawAsync(int workers)
    {
        var hits = new ConcurrentDictionary<Story, IReadOnlySet<string>>();
        await Workers.RunAsync(workers, Story.All, async (walk, story) => hits[story] = await walk.ListenAsync(story));
        Dictionary<string, Story> first = [];
        foreach (var story in Story.All)
        {
            foreach (var hit in hits[story]) first.TryAdd(hit, story);
        }

        var known = Failpoint.All.Select(p => p.Name).ToHashSet();
        var unknown = first.Keys.Where(h => !known.Contains(h)).ToList();
        Assert.True(unknown.Count == 0, $"are hit, and are in no list:\n{string.Join('\n', unknown)}");
        return new Atlas(first);
    }
}
