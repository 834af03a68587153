namespace ShimRuntime.Runtime.Containers;

/// <summary>Which boot of the machine this is (random(4)): pids in a record of another boot mean nothing.</summary>
public static class BootId
{
    public static string Current { get; } = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
}
