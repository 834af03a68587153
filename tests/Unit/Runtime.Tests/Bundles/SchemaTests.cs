using System.Collections;
using System.Reflection;
using System.Text.Json;
using ShimRuntime.Oci;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>The schema and the records say the same: a member of one that the other lacks is an error.</summary>
public sealed class SchemaTests
{
    private static readonly JsonElement Schema =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(GoldenCase.RepositoryRoot, "runtime-spec", "config.schema.json"))).RootElement;

    // Read from a Localhost profile only to be refused; never emitted.
    private static readonly string[] NeverEmitted = ["$.linux.seccomp.listenerPath"];

    [Fact]
    public void Schema_and_records_have_the_same_members()
    {
        var (records, schema) = (new SortedSet<string>(), new SortedSet<string>());
        Members(typeof(RuntimeSpec), "$", records);
        Members(Schema, "$", schema);
        Assert.Equal(records.Except(NeverEmitted), schema.Where(m => !m.StartsWith("$.annotations.", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_schema_refuses_what_is_wrong()
    {
        var check = JsonSchemaCheck.Load();
        var text = File.ReadAllText(new GoldenCase(GoldenCase.Names().First()).ConfigPath);
        foreach (var (right, wrong) in new[] { ("\"uid\": 0", "\"uid\": 4294967295"), ("\"CAP_CHOWN\"", "\"chown\""), ("\"cwd\"", "\"pwd\""), ("\"/srv\"", "\"/srv/..\"") })
        {
            using var changed = JsonDocument.Parse(text.Replace(right, wrong, StringComparison.Ordinal));
            Assert.NotEmpty(check.Violations(changed.RootElement));
        }
    }

    private static void Members(Type type, string at, SortedSet<string> found)
    {
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var path = $"{at}.{JsonNamingPolicy.CamelCase.ConvertName(property.Name)}";
            found.Add(path);
            var item = Element(property.PropertyType);
            if (item.Namespace == typeof(RuntimeSpec).Namespace) Members(item, path, found);
        }
    }

    private static Type Element(Type type) =>
        type != typeof(string) && type.IsGenericType && typeof(IEnumerable).IsAssignableFrom(type) ? type.GetGenericArguments()[0] : type;

    private static void Members(JsonElement schema, string at, SortedSet<string> found)
    {
        if (schema.TryGetProperty("$ref", out var reference)) schema = Schema.GetProperty("$defs").GetProperty(reference.GetString()!["#/$defs/".Length..]);
        if (schema.TryGetProperty("items", out var items)) Members(items, at, found);
        if (!schema.TryGetProperty("properties", out var properties)) return;
        foreach (var property in properties.EnumerateObject())
        {
            found.Add($"{at}.{property.Name}");
            Members(property.Value, $"{at}.{property.Name}", found);
        }
    }
}
