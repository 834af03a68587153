using System.Text;

namespace ShimRuntime.Linux;

/// <summary>
/// Names of systemd's slices (systemd.slice(5), systemd.unit(5)): dashes are the tree, so a-b.slice is the cgroup /a.slice/a-b.slice.
/// </summary>
public static class SliceName
{
    public const string Suffix = ".slice";
    private const int MaxChars = 255; // UNIT_NAME_MAX, without its NUL

    /// <summary>True when the last segment of a cgroup's path names a slice.</summary>
    public static bool IsSlice(string cgroup) => cgroup.EndsWith(Suffix, StringComparison.Ordinal);

    /// <summary>The cgroup of a slice, such as /kubepods.slice/kubepods-burstable.slice; null when it is no name of one.</summary>
    public static string? TryExpand(string name)
    {
        // "-.slice" is the root, which is nobody's to hand out.
        if (!IsSlice(name) || name.Length > MaxChars) return null;
        var stem = name[..^Suffix.Length];
        if (stem.Length == 0 || !stem.All(IsUnitChar) || stem.Split('-').Any(part => part.Length == 0)) return null;
        var path = new StringBuilder();
        for (var dash = stem.IndexOf('-'); dash > 0; dash = stem.IndexOf('-', dash + 1))
            path.Append('/').Append(stem, 0, dash).Append(Suffix);
        return path.Append('/').Append(name).ToString();
    }

    /// <summary>The unit of a slice's or scope's cgroup: the last segment of its path.</summary>
    public static string UnitOf(string cgroup) => cgroup[(cgroup.LastIndexOf('/') + 1)..];

    private static bool IsUnitChar(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':' or '\\' or '@';
}
