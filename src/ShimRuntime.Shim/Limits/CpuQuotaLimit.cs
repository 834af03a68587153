namespace ShimRuntime.Shim.Limits;

/// <summary>
/// cgroup v1's cpu.cfs_period_us and cpu.cfs_quota_us: the kernel refuses a child whose quota / period is above its parent's, also for
/// the moment between the two writes. So the one that lowers the ratio goes first.
/// </summary>
/// <param name="quota">Microseconds; -1: none; 0: as it is.</param>
/// <param name="period">Microseconds; 0: as it is.</param>
internal sealed class CpuQuotaLimit(long quota, long period) : Limit("cpu")
{
    private const string PeriodFile = "cpu.cfs_period_us";
    private const string QuotaFile = "cpu.cfs_quota_us";

    public override string MainFile => QuotaFile;

    public override IEnumerable<(string File, string Value)> Writes(Func<string, string?> read)
    {
        List<(string, string)> writes = [];
        if (period != 0) writes.Add((PeriodFile, $"{period}"));
        if (quota == 0) return writes;
        var periodGrows = period == 0 || period >= Number(read(PeriodFile));
        writes.Insert(periodGrows ? writes.Count : 0, (QuotaFile, $"{quota}"));
        return writes;
    }

    public override bool Raises(Func<string, string?> read)
    {
        var (oldQuota, oldPeriod) = (Number(read(QuotaFile)), Number(read(PeriodFile)));
        var newQuota = quota == 0 ? oldQuota : quota < 0 ? decimal.MaxValue : quota;
        if (newQuota == decimal.MaxValue || oldQuota == decimal.MaxValue) return newQuota > oldQuota;
        return newQuota * oldPeriod > oldQuota * (period == 0 ? oldPeriod : period);
    }
}
