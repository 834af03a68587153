using System.Text.Json;
using System.Text.RegularExpressions;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>
/// As much of JSON Schema 2020-12 as runtime-spec/config.schema.json uses; a keyword that it does not know is an error, so that the schema
/// can't promise what nobody checks.
/// </summary>
internal sealed class JsonSchemaCheck(JsonElement root)
{
    private static readonly HashSet<string> Annotations = ["$schema", "$id", "$defs", "title", "description"];

    public static JsonSchemaCheck Load() =>
        new(JsonDocument.Parse(File.ReadAllBytes(Path.Combine(GoldenCase.RepositoryRoot, "runtime-spec", "config.schema.json"))).RootElement);

    public IReadOnlyList<string> Violations(JsonElement value)
    {
        var found = new List<string>();
        Check(root, value, "$", found);
        return found;
    }

    private void Check(JsonElement schema, JsonElement value, string at, List<string> found)
    {
        foreach (var keyword in schema.EnumerateObject())
        {
            if (Annotations.Contains(keyword.Name)) continue;
            if (!Holds(keyword, schema, value, at, found))
            {
                found.Add($"{at}: {keyword.Name} {Short(keyword.Value)} does not hold for {Short(value)}");
            }
        }
    }

    private bool Holds(JsonProperty keyword, JsonElement schema, JsonElement value, string at, List<string> found)
    {
        switch (keyword.Name)
        {
            case "$ref": Check(Resolve(keyword.Value.GetString()!), value, at, found); return true;
            case "type": return IsType(keyword.Value.GetString()!, value);
            case "const": return JsonElement.DeepEquals(keyword.Value, value);
            case "enum": return keyword.Value.EnumerateArray().Any(e => JsonElement.DeepEquals(e, value));
            case "pattern": return value.ValueKind != JsonValueKind.String || Regex.IsMatch(value.GetString()!, keyword.Value.GetString()!);
            case "minimum": return value.ValueKind != JsonValueKind.Number || value.GetDecimal() >= keyword.Value.GetDecimal();
            case "maximum": return value.ValueKind != JsonValueKind.Number || value.GetDecimal() <= keyword.Value.GetDecimal();
            case "minItems": return value.ValueKind != JsonValueKind.Array || value.GetArrayLength() >= keyword.Value.GetInt32();
            case "uniqueItems": return value.ValueKind != JsonValueKind.Array || Distinct(value) == value.GetArrayLength();
            case "items": return Each(value, (item, i) => Check(keyword.Value, item, $"{at}[{i}]", found));
            case "required":
                return value.ValueKind != JsonValueKind.Object || keyword.Value.EnumerateArray().All(n =>
                value.TryGetProperty(n.GetString()!, out _));
            case "properties": return Properties(keyword.Value, value, at, found);
            case "additionalProperties": return Additional(keyword.Value, schema, value, at, found);
            default: throw new NotSupportedException($"config.schema.json uses the keyword '{keyword.Name}', which the check does not know");
        }
    }

    private bool Properties(JsonElement properties, JsonElement value, string at, List<string> found)
    {
        if (value.ValueKind != JsonValueKind.Object) return true;
        foreach (var property in properties.EnumerateObject())
        {
            if (value.TryGetProperty(property.Name, out var member)) Check(property.Value, member, $"{at}.{property.Name}", found);
        }

        return true;
    }

    private bool Additional(JsonElement rule, JsonElement schema, JsonElement value, string at, List<string> found)
    {
        if (value.ValueKind != JsonValueKind.Object) return true;
        var extra = value.EnumerateObject().Where(m => !schema.TryGetProperty("properties", out var known) || !known.TryGetProperty(m.Name, out _)).ToList();
        if (rule.ValueKind == JsonValueKind.False) return extra.Count == 0;
        foreach (var member in extra) Check(rule, member.Value, $"{at}.{member.Name}", found);
        return true;
    }

    private static bool Each(JsonElement value, Action<JsonElement, int> check)
    {
        if (value.ValueKind != JsonValueKind.Array) return true;
        foreach (var (i, item) in value.EnumerateArray().Index()) check(item, i);
        return true;
    }

    private static int Distinct(JsonElement array) => array.EnumerateArray().Select(e => e.GetRawText()).Distinct().Count();

    private static bool IsType(string type, JsonElement value) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number) && number == decimal.Truncate(number),
        _ => throw new NotSupportedException($"config.schema.json uses the type '{type}', which the check does not know"),
    };

    private JsonElement Resolve(string reference) => root.GetProperty("$defs").GetProperty(reference["#/$defs/".Length..]);

    private static string Short(JsonElement value) => value.GetRawText() is { Length: > 120 } text ? text[..120] + "…" : value.GetRawText();
}
