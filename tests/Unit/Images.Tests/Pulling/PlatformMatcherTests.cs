using ShimRuntime.Oci;
using Xunit;

namespace ShimRuntime.Images.Tests.Pulling;

public sealed class PlatformMatcherTests
{
    private const string V1 = "flags\t\t: fpu sse sse2";
    private const string V2 = V1 + " cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3";
    private const string V3 = V2 + " avx avx2 bmi1 bmi2 f16c fma abm movbe xsave";
    private const string V4 = V3 + " avx512f avx512bw avx512cd avx512dq avx512vl";

    [Theory]
    [InlineData(V1, 1)]
    [InlineData(V2, 2)]
    [InlineData(V3, 3)]
    [InlineData(V4, 4)]
    [InlineData("model name : x", 1)]
    public void TheKernelsFlagsSayTheLevel(string line, int level) =>
        Assert.Equal(level, PlatformMatcher.Amd64Level(["processor : 0", line, V1]));

    [Theory]
    [InlineData("linux/amd64", 3, 0)]
    [InlineData("linux/amd64;linux/amd64/v3", 3, 1)]
    [InlineData("linux/amd64/v3;linux/amd64/v2;linux/amd64", 2, 1)]
    [InlineData("linux/amd64/v4;linux/amd64", 3, 1)]
    [InlineData("linux/amd64;linux/amd64", 3, 0)]
    [InlineData("windows/amd64;linux/arm64/v8;linux/amd64", 3, 2)]
    [InlineData("none;linux/amd64", 3, 1)]
    [InlineData("windows/amd64;none", 3, 1)]
    [InlineData("unknown/unknown", 3, -1)]
    [InlineData("linux/amd64/v4", 3, -1)]
    [InlineData("linux/amd64/x", 3, -1)]
    [InlineData("linux/386", 3, -1)]
    [InlineData("", 3, -1)]
    public void TheBestThatRunsIsChosen(string entries, int level, int expected)
    {
        var descriptors = entries.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(Entry).ToList();
        var chosen = new PlatformMatcher("amd64", level).Choose(descriptors);
        Assert.Equal(expected, chosen is null ? -1 : descriptors.FindIndex(d => ReferenceEquals(d, chosen)));
    }

    [Theory]
    [InlineData("""{"os":null,"architecture":null}""", true)]
    [InlineData("""{"os":"linux","architecture":null}""", true)]
    [InlineData("""{"os":"linux"}""", true)]
    [InlineData("""{"os":null,"architecture":"arm64"}""", false)]
    [InlineData("""{"os":"windows","architecture":null}""", false)]
    public void WhatAConfigDoesNotSayFits(string config, bool expected)
    {
        var parsed = System.Text.Json.JsonSerializer.Deserialize(config, ImageJson.Default.ImageConfigFile)!;
        Assert.Equal(expected, new PlatformMatcher("amd64", 3).Runs(parsed));
    }

    [Theory]
    [InlineData("linux/arm64/v8;linux/arm64", 0)]
    [InlineData("linux/arm64/v9;linux/arm64", 1)]
    [InlineData("linux/arm/v7;linux/arm64/v8", 1)]
    public void ArmHasVariantEight(string entries, int expected)
    {
        var descriptors = entries.Split(';').Select(Entry).ToList();
        Assert.Same(descriptors[expected], new PlatformMatcher("arm64", 8).Choose(descriptors));
    }

    private static Descriptor Entry(string platform)
    {
        var parts = platform.Split('/');
        return new Descriptor
        {
            Platform = parts.Length == 1
            ? null : new Platform { Os = parts[0], Architecture = parts[1], Variant = parts.ElementAtOrDefault(2) }
        };
    }
}
