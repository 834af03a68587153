using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// In a user namespace the flags that a mount has from the host are locked (mount_namespaces(7), "Restrictions on mount namespaces"): a bind
/// that is made read-only, or anything else, without repeating them is refused by the kernel.
/// </summary>
internal static class LockedFlags
{
    private static readonly string[] Locked = ["nosuid", "nodev", "noexec"];
    private static readonly string[] AccessTimes = ["noatime", "nodiratime", "relatime"];

    /// <param name="options">Of the bind.</param>
    /// <param name="source">The mount that the bind is of.</param>
    /// <param name="field">For a refusal.</param>
    public static void Keep(List<string> options, MountInfo? source, string field)
    {
        if (source is null) return;
        var present = source.Options.Split(',');
        if (AccessTimes.FirstOrDefault(t => options.Contains(t) && !present.Contains(t)) is { } time)
        {
            throw Refusal.Impossible(field, $"'{time}' can't be set in a pod with a user namespace: '{source.Target}' has other access times, "
                + "and the kernel locks them");
        }

        options.AddRange(Locked.Where(f => present.Contains(f) && !options.Contains(f)));
        if (!present.Contains("ro") || options.Contains("rro")) return;
        options.Remove("rw");
        if (!options.Contains("ro")) options.Add("ro");
    }
}
