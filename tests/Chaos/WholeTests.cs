using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Chaos.Tests;

/// <summary>
/// Every failpoint × every death, one at a time: <c>make chaos</c>. Points that are met only after a fault, those of undoing, are walked together
/// with the first fault that led to them. CHAOS_ONLY, parts of "Death at Point in story" with | between them, narrows it down; CHAOS_WALKERS says how many
/// walk side by side. The table is artifacts/test-logs/chaos.md.
/// </summary>
[Trait("selection", "whole")]
public sealed class WholeTests
{
    private static readonly string[] Only = (Environment.GetEnvironmentVariable("CHAOS_ONLY") ?? "").Split('|');
    private static readonly int Walkers = int.Parse(Environment.GetEnvironmentVariable("CHAOS_WALKERS") ?? "3", CultureInfo.InvariantCulture);
    private readonly ConcurrentQueue<Outcome> _outcomes = new();
    private readonly ConcurrentQueue<Case> _queue = new();
    private readonly ConcurrentDictionary<string, bool> _met = new();

    [Fact]
    public async Task EveryPointAndEveryDeath()
    {
        var atlas = await Atlas.DrawAsync(Walkers);
        foreach (var (point, story) in atlas.Met)
        {
            _met[point.Name] = true;
            Enqueue(point, story, null);
        }

        await Workers.RunAsync(Walkers, _queue, WalkAsync);
        var failed = _outcomes.Where(o => o.Failure is not null).OrderBy(o => o.Case.Point.Name, StringComparer.Ordinal).ToList();
        var points = _outcomes.Select(o => o.Case.Point.Name).Distinct().Count();
        var summary = string.Create(CultureInfo.InvariantCulture,
            $"{Failpoint.All.Count} failpoints, {points} walked, {_outcomes.Count} deaths, {failed.Count} with a demand that was not met");
        await File.WriteAllTextAsync(Path.Combine(Installation.Logs, "chaos.md"), Table(summary, failed));
        Assert.True(failed.Count == 0, $"{summary}; see artifacts/test-logs/chaos.md");
    }

    private void Enqueue(Failpoint point, Story story, (Failpoint, Death)? cause)
    {
        foreach (var death in Enum.GetValues<Death>().Where(d => d != Death.Error || point.Errors))
        {
            var one = new Case(point, death, story, cause);
            if (Only.Any(o => one.ToString().Contains(o, StringComparison.Ordinal))) _queue.Enqueue(one);
        }
    }

    private async Task WalkAsync(Walk walk, Case one)
    {
        var failure = await walk.TellAsync(one.Story, one.Armed);
        _outcomes.Enqueue(new Outcome(one, failure, !walk.Unreached.Contains(one.Point.Name)));
        foreach (var point in Failpoint.All.Where(p => walk.Hits.Contains(p.Name) && _met.TryAdd(p.Name, true)))
            Enqueue(point, one.Story, (one.Point, one.Death));
    }

    private string Table(string summary, List<Outcome> failed)
    {
        var text = new StringBuilder($"{summary}\n\n| failpoint | death | story | what was not met |\n|---|---|---|---|\n");
        foreach (var (one, failure, _) in failed) text.Append($"| {one.Point.Name} | {one.Death} | {one.Told} | {OneLine(failure!)} |\n");
        text.Append($"\n{_outcomes.Count(o => !o.Fired)} deaths were not died, for the story did not come by a second time:\n");
        foreach (var (one, _, fired) in _outcomes.Where(o => !o.Fired)) text.Append($"- {one}\n");
        text.Append("\nPoints that no story came by:\n");
        foreach (var point in Failpoint.All.Where(p => !_met.ContainsKey(p.Name))) text.Append($"- {point.Name}\n");
        return text.ToString();
    }

    private static string OneLine(string text) => text.Replace("\n", " ", StringComparison.Ordinal).Replace("|", "¦", StringComparison.Ordinal);

    /// <param name="Cause">What has to fail first, so that the story comes by; null: nothing.</param>
    private sealed record Case(Failpoint Point, Death Death, Story Story, (Failpoint Point, Death Death)? Cause)
    {
        public IReadOnlyList<(Failpoint Point, Death Death)> Armed => Cause is { } cause ? [cause, (Point, Death)] : [(Point, Death)];

        public string Told => Cause is { } cause ? $"{Story.Name} after {cause.Death} at {cause.Point.Name}" : Story.Name;

        public override string ToString() => $"{Death} at {Point.Name} in {Told}";
    }

    private sealed record Outcome(Case Case, string? Failure, bool Fired);
}
