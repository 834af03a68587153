using System.Text;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Chaos.Tests;

/// <summary>Binaries that ship know nothing of failpoints: neither the names of points, nor the directory, nor the actions.</summary>
public sealed class ProductionBinaryTests
{
    private static readonly string[] Words = ["failpoint", ".WriteVolatile.before", "ShimCall.Answer:"];

    [Theory]
    [InlineData("shimruntimed")]
    [InlineData("shimruntime-shim")]
    public void NothingOfThemIsInThem(string binary)
    {
        var artifacts = Path.Combine(Installation.RepositoryRoot, "artifacts");
        Assert.All(Words, w => Assert.True(Holds(Path.Combine(artifacts, "chaos/bin", binary), w), $"'{w}' is what the others would hold"));
        Assert.All(Words, w => Assert.False(Holds(Path.Combine(artifacts, "bin", binary), w), $"'{w}'"));
    }

    /// <summary>As the compiler lays literals down, UTF-16, or as names of types, UTF-8.</summary>
    private static bool Holds(string path, string word)
    {
        var bytes = File.ReadAllBytes(path).AsSpan();
        return bytes.IndexOf(Encoding.Unicode.GetBytes(word)) >= 0 || bytes.IndexOf(Encoding.UTF8.GetBytes(word)) >= 0;
    }
}
