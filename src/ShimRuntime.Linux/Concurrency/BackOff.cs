namespace ShimRuntime.Linux;

/// <summary>Pauses between attempts at what has to be done some day: a second, then twice as long each time, a minute at most.</summary>
public static class BackOff
{
    public static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>The pause after this one; after none at all, the first.</summary>
    public static TimeSpan After(TimeSpan pause) => pause == TimeSpan.Zero ? First : pause + pause > Longest ? Longest : pause + pause;
}
