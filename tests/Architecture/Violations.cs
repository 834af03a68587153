using Xunit;

namespace ShimRuntime.Architecture.Tests;

internal static class Violations
{
    /// <summary>Fails with all of them, one a line.</summary>
    public static void None(IEnumerable<string> found)
    {
        var all = found.ToList();
        Assert.True(all.Count == 0, $"{all.Count} found:\n{string.Join('\n', all)}");
    }
}
