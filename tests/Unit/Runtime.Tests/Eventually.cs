using Xunit;

namespace ShimRuntime.Runtime.Tests;

/// <summary>Waits for what happens in the background.</summary>
internal static class Eventually
{
    private const int PauseMilliseconds = 20;

    /// <summary>Looks again and again until it is so, 20 seconds at most.</summary>
    public static async Task TrueAsync(Func<bool> condition, int looks = 1_000)
    {
        for (var i = 0; i < looks && !condition(); i++) await Task.Delay(PauseMilliseconds);
        Assert.True(condition());
    }
}
