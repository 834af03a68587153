using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Chaos.Tests;

/// <summary>
/// Every failpoint × every death, one at a time: <c>make chaos</c>. CHAOS_ONLY, a part of a point's name, a story or a death, narrows it down. The
/// table is artifacts/test-logs/chaos.md.
/// </summary>
[Trait("selection", "whole")]
public sealed class WholeTests
{
    private const int Workers = 3;
    private static readonly string Only = Environment.GetEnvironmentVariable("CHAOS_ONLY") ?? "";
    private readonly ConcurrentQueue<Outcome> _outcomes = new();
    private readonly string _table = Path.Combine(Installation.Logs, "chaos.md");

    [Fact]
    public async Task EveryPointAndEveryDeath()
    {
        var cases = await CasesAsync();
        var queue = new ConcurrentQueue<Case>(cases);
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(n => Task.Run(() => WorkAsync($"walker-{n}", queue))));
        var failed = _outcomes.Where(o => o.Failure is not null).OrderBy(o => o.Case.Point.Name, StringComparer.Ordinal).ToList();
        var points = cases.Select(c => c.Point.Name).Distinct().Count();
        var summary = string.Create(CultureInfo.InvariantCulture, $"{points} failpoints, {cases.Count} deaths, {failed.Count} with a demand that was not met");
        await File.WriteAllTextAsync(_table, Table(summary, failed));
        Assert.True(failed.Count == 0, $"{summary}; see {_table}");
    }

    /// <summary>Each point in the first story that hits it.</summary>
    private async Task<IReadOnlyList<Case>> CasesAsync()
    {
        Dictionary<string, Story> met = [];
        await using var walk = new Walk("listener");
        foreach (var story in Story.All)
        {
            foreach (var hit in await walk.ListenAsync(story)) met.TryAdd(hit, story);
        }

        var known = Failpoint.All.Select(p => p.Name).ToHashSet();
        Violations(met.Keys.Where(h => !known.Contains(h)), "are hit, and are in no list");
        await File.WriteAllLinesAsync(Path.Combine(Installation.Logs, "chaos-unreached.txt"), known.Except(met.Keys).Order(StringComparer.Ordinal));
        return [.. from point in Failpoint.All
                   where met.ContainsKey(point.Name)
                   from death in Enum.GetValues<Death>()
                   where death != Death.Error || point.Errors
                   let one = new Case(point, death, met[point.Name])
                   where one.ToString().Contains(Only, StringComparison.Ordinal)
                   select one];
    }

    private async Task WorkAsync(string name, ConcurrentQueue<Case> queue)
    {
        await using var walk = new Walk(name);
        while (queue.TryDequeue(out var one))
        {
            var failure = await walk.TellAsync(one.Story, [(one.Point, one.Death)]);
            _outcomes.Enqueue(new Outcome(one, failure, walk.Unreached.Count == 0));
            await File.AppendAllTextAsync(Path.Combine(Installation.Logs, $"chaos-{name}.txt"), $"{DateTime.UtcNow:HH:mm:ss} {(failure is null ? "ok  " : "FAIL")} {one}{(failure is null ? "" : $"\n{failure}")}\n");
        }
    }

    private string Table(string summary, List<Outcome> failed)
    {
        var text = new StringBuilder($"{summary}\n\n| failpoint | death | story | what was not met |\n|---|---|---|---|\n");
        foreach (var (one, failure, _) in failed) text.Append($"| {one.Point.Name} | {one.Death} | {one.Story.Name} | {OneLine(failure!)} |\n");
        text.Append($"\n{_outcomes.Count(o => !o.Fired)} deaths were not died, for the story did not come by a second time:\n");
        foreach (var (one, _, fired) in _outcomes.Where(o => !o.Fired)) text.Append($"- {one}\n");
        return text.ToString();
    }

    private static string OneLine(string text) => text.Replace("\n", " ", StringComparison.Ordinal).Replace("|", "¦", StringComparison.Ordinal);

    private static void Violations(IEnumerable<string> found, string what)
    {
        var all = found.ToList();
        Assert.True(all.Count == 0, $"{what}:\n{string.Join('\n', all)}");
    }

    private sealed record Case(Failpoint Point, Death Death, Story Story)
    {
        public override string ToString() => $"{Death} at {Point.Name} in {Story.Name}";
    }

    private sealed record Outcome(Case Case, string? Failure, bool Fired);
}
