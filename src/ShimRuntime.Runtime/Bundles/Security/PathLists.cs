using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Masked and read-only paths. A security context is taken at its word: empty lists mean none, because that is how kubelet says
/// procMount: Unmasked. Without any security context the customary lists apply. Privileged: none.
/// </summary>
internal static class PathLists
{
    private static readonly string[] DefaultMasked =
    [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
        "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    private static readonly string[] DefaultReadonly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    public static IReadOnlyList<string>? Masked(LinuxContainerSecurityContext? context) =>
        Choose(context, c => c.MaskedPaths, DefaultMasked, "masked_paths");

    public static IReadOnlyList<string>? Readonly(LinuxContainerSecurityContext? context) =>
        Choose(context, c => c.ReadonlyPaths, DefaultReadonly, "readonly_paths");

    private static IReadOnlyList<string>? Choose(
        LinuxContainerSecurityContext? context, Func<LinuxContainerSecurityContext, IList<string>> list, string[] defaults, string field)
    {
        if (context is null) return defaults;
        if (context.Privileged) return null;
        var given = list(context).Select((path, i) => ContainerPath.Clean(path, $"linux.security_context.{field}[{i}]")).ToList();
        return given.Count > 0 ? given : null;
    }
}
