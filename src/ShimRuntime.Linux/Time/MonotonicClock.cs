using System.Runtime.InteropServices;

namespace ShimRuntime.Linux;

/// <summary>CLOCK_MONOTONIC (clock_gettime(2)): the same in every process since boot, so that a deadline may be handed to another one.</summary>
public static unsafe partial class MonotonicClock
{
    private const int ClockMonotonic = 1;

    public static long Milliseconds
    {
        get
        {
            TimeSpec now;
            _ = clock_gettime(ClockMonotonic, &now);
            return (now.Seconds * 1000) + (now.Nanoseconds / 1_000_000);
        }
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, TimeSpec* time);

    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
