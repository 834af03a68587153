namespace ShimRuntime.Linux;

/// <summary>
/// cgroup v1's cpu.shares (2–262144, default 1024) and v2's cpu.weight (1–10000), converted linearly as runc up to 1.3 does: the ratio
/// of two containers of a pod is that of their shares (decision 81).
/// </summary>
public static class CpuWeight
{
    public const long MinShares = 2;
    public const long MaxShares = 262_144;

    /// <summary>cpu.weight of a cgroup that nobody set.</summary>
    public const long Default = 100;

    public static long OfShares(long shares) => 1 + (Math.Clamp(shares, MinShares, MaxShares) - MinShares) * 9999 / (MaxShares - MinShares);

    /// <summary>The least shares with that weight.</summary>
    public static long ToShares(long weight)
    {
        var above = (Math.Clamp(weight, 1, 10_000) - 1) * (MaxShares - MinShares);
        return MinShares + (above + 9998) / 9999;
    }
}
