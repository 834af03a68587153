namespace ShimRuntime.Shim.Limits;

/// <summary>
/// cgroup v1's cpu.cfs_period_us and cpu.cfs_quota_us: the kernel refuses a child whose quota / period is above its parent's, also for
/// the moment between the two writes. So the leaf's quota is taken off first (it then has its parent's), the parent goes through the
/// lower of the two ratios that its writes can pass, and the leaf follows.
/// </summary>
/// <param name="quota">Microseconds; -1: none; 0: as it is.</param>
/// <param name="period">Microseconds; 0: as it is.</param>
internal sealed class CpuQuotaLimit(long quota, long period) : Limit("cpu")
{
    private const string PeriodFile = "cpu.cfs_period_us";
    private const string QuotaFile = "cpu.cfs_quota_us";

    public override string MainFile => QuotaFile;

    public override (string File, string Value)? LeafYields => (QuotaFile, "-1");

    public override IEnumerable<(string File, string Value)> Writes(Func<string, string?> read)
    {
        var wantedQuota = quota != 0 ? $"{quota}" : read(QuotaFile) ?? "-1";
        List<(string, string)> writes = [(QuotaFile, wantedQuota)];
        if (period != 0) writes.Insert(period >= Number(read(PeriodFile)) ? 0 : 1, (PeriodFile, $"{period}"));
        return writes;
    }

    public override bool Raises(Func<string, string?> read) => true; // the parent first, always: the leaf yields meanwhile
}
