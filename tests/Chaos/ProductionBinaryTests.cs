using System.Text;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Chaos.Tests;

/// <summary>Binaries that ship know nothing of failpoints: each word is in the others, so that looking for it says something.</summary>
public sealed class ProductionBinaryTests
{
    /// <summary>The directory, the class, names of points (the daemon's literals are not laid down as text when they are long).</summary>
    [Theory]
    [InlineData("shimruntimed", "failpoint", "Failpoint")]
    [InlineData("shimruntime-shim", "failpoint", ".WriteVolatile.before", "ShimCall.Answer:")]
    public void NothingOfThemIsInThem(string binary, params string[] words)
    {
        var artifacts = Path.Combine(Installation.RepositoryRoot, "artifacts");
        Assert.All(words, w => Assert.True(Holds(Path.Combine(artifacts, "chaos/bin", binary), w), $"'{w}' is what the others would hold"));
        Assert.All(words, w => Assert.False(Holds(Path.Combine(artifacts, "bin", binary), w), $"'{w}'"));
    }

    /// <summary>As the compiler lays literals down, UTF-16, or as names of types, UTF-8.</summary>
    private static bool Holds(string path, string word)
    {
        var bytes = File.ReadAllBytes(path).AsSpan();
        return bytes.IndexOf(Encoding.Unicode.GetBytes(word)) >= 0 || bytes.IndexOf(Encoding.UTF8.GetBytes(word)) >= 0;
    }
}
