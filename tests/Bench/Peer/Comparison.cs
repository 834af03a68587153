using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ShimRuntime.Bench.Peer;

/// <summary>The table of a run: printed, and written as Markdown and JSON with the machine and the versions that it holds for.</summary>
internal sealed class Comparison(IReadOnlyDictionary<string, string> facts)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private readonly List<ComparedRow> _rows = [];
    private readonly List<string> _notes = [];
    private bool _failed;

    public bool Holds => !_failed && _rows.All(r => r.Holds);

    public ComparedRow Add(ComparedRow row)
    {
        _rows.Add(row);
        return row;
    }

    /// <summary>A line below the table.</summary>
    public void Note(string text) => _notes.Add(text);

    /// <summary>A measurement that could not be made: the others go on, the run has failed.</summary>
    public void Fail(string text)
    {
        _failed = true;
        Note(text);
    }

    public string Markdown()
    {
        var text = new StringBuilder();
        foreach (var (name, value) in facts) text.Append($"- {name}: {value}\n");
        text.Append("\n| what | unit | floor | peer p50 (p99) | ours p50 (p99) | ours / peer | ours / floor | target | |\n|---|---|---|---|---|---|---|---|---|\n");
        foreach (var row in _rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {row.What} | {row.Unit} | {(row.Floor is { Count: > 0 } floor ? Figure(floor.Median) : "")} | {Cell(row.Peer)} | {Cell(row.Ours)} ");
            text.Append(CultureInfo.InvariantCulture, $"| {Ratio(row.Peer.Count > 0 ? row.RatioToPeer : null)} | {Ratio(row.RatioToFloor)} ");
            text.Append(CultureInfo.InvariantCulture, $"| {row.Target?.Words} | {(row.Target is null ? "" : row.Holds ? "OK" : "SHORT")} |\n");
        }

        if (_notes.Count > 0) text.Append('\n');
        foreach (var note in _notes) text.Append($"- {note}\n");
        return text.ToString();
    }

    public string Json()
    {
        var rows = _rows.Select(r => (JsonNode)new JsonObject
        {
            ["what"] = r.What, ["unit"] = r.Unit, ["ours"] = Numbers(r.Ours), ["peer"] = Numbers(r.Peer), ["floor"] = r.Floor is null ? null : Numbers(r.Floor),
            ["target"] = r.Target?.Words, ["holds"] = r.Target is null ? null : r.Holds,
        });
        var document = new JsonObject
        {
            ["facts"] = new JsonObject([.. facts.Select(f => KeyValuePair.Create(f.Key, (JsonNode?)f.Value))]),
            ["rows"] = new JsonArray([.. rows]),
            ["notes"] = new JsonArray([.. _notes.Select(n => (JsonNode)n)]),
        };
        return document.ToJsonString(Indented);
    }

    private static JsonObject Numbers(Samples samples) => new()
    {
        ["p50"] = samples.Count > 0 ? samples.Median : null,
        ["p99"] = samples.Count > 0 ? samples.P99 : null,
        ["samples"] = new JsonArray([.. samples.Values.Select(v => (JsonNode)Math.Round(v, 3))]),
    };

    private static string Cell(Samples samples) => samples.Count switch
    {
        0 => "",
        1 => Figure(samples.Median),
        _ => $"{Figure(samples.Median)} ({Figure(samples.P99)})",
    };

    private static string Figure(double value) => value.ToString(Math.Abs(value) < 10 ? "0.00" : Math.Abs(value) < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);

    private static string Ratio(double? value) => value?.ToString("0.00", CultureInfo.InvariantCulture) ?? "";
}
