using System.Globalization;

namespace ShimRuntime.Chaos.Tests;

/// <summary>Each failpoint once, with a death that changes from point to point; several in one story.</summary>
public sealed class SampleTests
{
    private const int PointsInAStory = 12;

    public static TheoryData<string> Stories => new(Story.All.Select(s => s.Name));

    [Theory]
    [MemberData(nameof(Stories))]
    public async Task EveryPointOfAStoryOnce(string name)
    {
        var story = Story.All.Single(s => s.Name == name);
        await using var walk = new Walk(name);
        var hits = await walk.ListenAsync(story);
        var points = Failpoint.All.Where(p => hits.Contains(p.Name)).ToList();
        Assert.NotEmpty(points);
        List<string> failures = [];
        foreach (var group in Groups(points))
        {
            if (await walk.TellAsync(story, group) is { } failure)
                failures.Add($"{string.Join(", ", group.Select(a => $"{a.Death} at {a.Point.Name}"))}:\n  {failure}");
        }

        Assert.True(failures.Count == 0, string.Create(CultureInfo.InvariantCulture, $"{failures.Count} of the groups:\n{string.Join('\n', failures)}"));
    }

    /// <summary>Points that lie apart, so that one fault is over when the next comes.</summary>
    private static IEnumerable<IReadOnlyList<(Failpoint Point, Death Death)>> Groups(List<Failpoint> points)
    {
        var groups = (points.Count + PointsInAStory - 1) / PointsInAStory;
        return points.Select((p, i) => (Point: p, Death: DeathOf(p, i), Group: i % groups)).GroupBy(c => c.Group, c => (c.Point, c.Death)).Select(g => g.ToList());
    }

    private static Death DeathOf(Failpoint point, int index) => (Death)((index + index / 4) % 4) switch
    {
        Death.Error when !point.Errors => Death.KillDaemon,
        var death => death,
    };
}
