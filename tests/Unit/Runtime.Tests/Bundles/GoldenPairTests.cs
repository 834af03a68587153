using System.Text.Json;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>
/// runtime-spec/golden, asserted. SHIMRUNTIME_WRITE_GOLDEN=1 writes the config.json files anew: read the difference before committing it.
/// </summary>
public sealed class GoldenPairTests
{
    public static TheoryData<string> Cases => new(GoldenCase.Names());

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_request_becomes_exactly_its_config_json(string name)
    {
        var golden = new GoldenCase(name);
        var built = golden.Build();
        if (Environment.GetEnvironmentVariable("SHIMRUNTIME_WRITE_GOLDEN") == "1") File.WriteAllText(golden.ConfigPath, built);
        Assert.Equal(File.ReadAllText(golden.ConfigPath), built);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_golden_config_json_satisfies_the_schema(string name)
    {
        using var config = JsonDocument.Parse(File.ReadAllBytes(new GoldenCase(name).ConfigPath));
        Assert.Empty(JsonSchemaCheck.Load().Violations(config.RootElement));
    }

    [Fact]
    public void Every_config_json_has_its_request()
    {
        var configs = Directory.EnumerateFiles(GoldenCase.Directory, "*.config.json").Select(f => Path.GetFileName(f)[..^".config.json".Length]);
        Assert.Equal(GoldenCase.Names(), configs.Order(StringComparer.Ordinal));
        Assert.True(GoldenCase.Names().Count() >= 15);
    }
}
