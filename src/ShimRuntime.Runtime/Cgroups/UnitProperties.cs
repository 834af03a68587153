using System.Globalization;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol.V1;
using Tmds.DBus.Protocol;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>
/// Limits as systemd knows them (systemd.resource-control(5)); what it does not know stands in the files alone, and it leaves it be.
/// </summary>
internal static class UnitProperties
{
    private const ulong Infinity = ulong.MaxValue;
    private const long MicrosecondsPerSecond = 1_000_000;
    private const long DefaultPeriodMicroseconds = 100_000;

    /// <summary>A percent: systemd stores a quota in whole ones, so one in between would be lower after a daemon-reload.</summary>
    private const long QuotaStepMicroseconds = 10_000;

    private static readonly string[] Accounting = ["MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting"];

    /// <summary>
    /// What each of our transient units has: accounting on, so that the controllers are, no part in the machine's shutdown, and no name left
    /// in systemd's list when it failed, as an OOM kill makes a scope do.
    /// </summary>
    public static IReadOnlyList<UnitProperty> OfNewUnit(string description) =>
    [
        new("Description", VariantValue.String(description), IsOfStart: true),
        new("DefaultDependencies", VariantValue.Bool(false), IsOfStart: true),
        new("CollectMode", VariantValue.String("inactive-or-failed"), IsOfStart: true),
        .. Accounting.Select(name => new UnitProperty(name, VariantValue.Bool(true))),
    ];

    /// <summary>Those of the limits that are asked for; cgroup v2's unified files win over the fields of CRI, as they do in the files.</summary>
    public static IReadOnlyList<UnitProperty> Of(Resources limits)
    {
        var found = new Dictionary<string, VariantValue>(StringComparer.Ordinal);
        if (limits.MemoryLimitBytes != 0) found["MemoryMax"] = OrInfinity(limits.MemoryLimitBytes);
        if (limits.MemorySwapSet) found["MemorySwapMax"] = OrInfinity(Swap(limits));
        if (limits.CpuShares != 0) found["CPUWeight"] = VariantValue.UInt64((ulong)CpuWeight.OfShares(limits.CpuShares));
        if (limits.CpuQuotaMicroseconds != 0) AddQuota(found, limits.CpuQuotaMicroseconds, limits.CpuPeriodMicroseconds);
        if (limits.PidsLimit != 0) found["TasksMax"] = OrInfinity(limits.PidsLimit);
        AddCpuset(found, "AllowedCPUs", limits.CpusetCpus);
        AddCpuset(found, "AllowedMemoryNodes", limits.CpusetMems);
        foreach (var (file, value) in limits.Unified) AddUnified(found, file, value.Trim());
        return [.. found.Select(p => new UnitProperty(p.Key, p.Value))];
    }

    private static void AddUnified(Dictionary<string, VariantValue> found, string file, string value)
    {
        switch (file)
        {
            case "cpu.max":
                var parts = value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (Number(parts.FirstOrDefault()) is not { } quota) return;
                AddQuota(found, quota == Infinity ? -1 : (long)quota, parts.Length > 1 ? (long)(Number(parts[1]) ?? 0) : 0);
                break;
            case "cpuset.cpus":
                AddCpuset(found, "AllowedCPUs", value);
                break;
            case "cpuset.mems":
                AddCpuset(found, "AllowedMemoryNodes", value);
                break;
            default:
                if (PropertyOf(file) is { } property && Number(value) is { } number) found[property] = VariantValue.UInt64(number);
                break;
        }
    }

    private static string? PropertyOf(string file) => file switch
    {
        "cpu.weight" => "CPUWeight",
        "memory.min" => "MemoryMin",
        "memory.low" => "MemoryLow",
        "memory.high" => "MemoryHigh",
        "memory.max" => "MemoryMax",
        "memory.swap.max" => "MemorySwapMax",
        "pids.max" => "TasksMax",
        _ => null,
    };

    private static void AddQuota(Dictionary<string, VariantValue> found, long quota, long period)
    {
        var (per, each) = (Infinity, period > 0 ? period : DefaultPeriodMicroseconds);
        if (quota >= 0)
        {
            var exact = quota * MicrosecondsPerSecond / each;
            per = (ulong)((exact + QuotaStepMicroseconds - 1) / QuotaStepMicroseconds * QuotaStepMicroseconds);
        }

        found["CPUQuotaPerSecUSec"] = VariantValue.UInt64(per);
        found["CPUQuotaPeriodUSec"] = VariantValue.UInt64((ulong)each);
    }

    /// <summary>A bitmap, least significant byte first; a list that does not parse was refused before.</summary>
    private static void AddCpuset(Dictionary<string, VariantValue> found, string property, string list)
    {
        if (CpuSet.TryParse(list) is not { Count: > 0 } ids) return;
        var bits = new byte[ids.Max() / 8 + 1];
        foreach (var id in ids) bits[id / 8] |= (byte)(1 << (id % 8));
        found[property] = VariantValue.Array(bits);
    }

    private static long Swap(Resources limits)
    {
        if (limits.MemorySwapLimitBytes < 0 || limits.MemoryLimitBytes < 0) return -1;
        return limits.MemorySwapLimitBytes - limits.MemoryLimitBytes;
    }

    private static VariantValue OrInfinity(long value) => VariantValue.UInt64(value < 0 ? Infinity : (ulong)value);

    private static ulong? Number(string? text)
    {
        if (text == "max") return Infinity;
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }
}
