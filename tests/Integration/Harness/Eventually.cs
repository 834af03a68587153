using System.Diagnostics;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Waiting for what the kernel or a daemon does in its own time: always with a deadline, never a bare sleep.</summary>
public static class Eventually
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Returns once <paramref name="condition"/> holds; fails with <paramref name="what"/> after the deadline.</summary>
    public static Task True(Func<bool> condition, string what, TimeSpan? deadline = null) =>
        True(() => Task.FromResult(condition()), () => what, deadline);

    public static Task True(Func<Task<bool>> condition, string what, TimeSpan? deadline = null) => True(condition, () => what, deadline);

    public static async Task True(Func<Task<bool>> condition, Func<string> what, TimeSpan? deadline = null)
    {
        var limit = deadline ?? Patience;
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            if (clock.Elapsed > limit) Assert.Fail($"not within {limit.TotalSeconds:0} s: {what()}");
            await Task.Delay(20);
        }
    }

    /// <summary>Returns the first value that satisfies <paramref name="accept"/>; shows the last one seen when none does.</summary>
    public static async Task<T> Value<T>(Func<Task<T>> read, Func<T, bool> accept, string what, TimeSpan? deadline = null)
    {
        T last = default!;
        await True(async () => accept(last = await read()), () => $"{what}; last seen: {last}", deadline);
        return last;
    }
}
