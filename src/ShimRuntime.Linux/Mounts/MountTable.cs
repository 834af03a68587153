using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace ShimRuntime.Linux;

/// <summary>A reading of a mountinfo file, in the kernel's order: a mount stands after the one that it is mounted on.</summary>
public sealed class MountTable
{
    private const int FieldsBeforeTags = 6;

    private MountTable(ImmutableArray<MountInfo> mounts) => Mounts = mounts;

    public ImmutableArray<MountInfo> Mounts { get; }

    /// <summary>The mounts of this process's namespace, or of another process's: "/proc/123/mountinfo".</summary>
    public static MountTable Read(string path = "/proc/self/mountinfo") => Parse(File.ReadAllBytes(path));

    /// <summary>Parses a whole mountinfo file. Throws <see cref="FormatException"/> for a line that proc(5) does not describe.</summary>
    public static MountTable Parse(ReadOnlySpan<byte> text)
    {
        var mounts = ImmutableArray.CreateBuilder<MountInfo>();
        foreach (var range in text.Split((byte)'\n'))
        {
            if (!text[range].IsEmpty) mounts.Add(ParseLine(text[range]));
        }

        return new MountTable(mounts.ToImmutable());
    }

    /// <summary>The topmost mount at exactly this path, or null.</summary>
    public MountInfo? At(string target) => Mounts.LastOrDefault(m => m.Target == target);

    /// <summary>Mounts at <paramref name="directory"/> or below it, oldest first.</summary>
    public IReadOnlyList<MountInfo> Below(string directory)
    {
        var prefix = directory.TrimEnd('/') + "/";
        return Mounts.Where(m => m.Target == directory.TrimEnd('/') || m.Target.StartsWith(prefix, StringComparison.Ordinal)).ToList();
    }

    /// <summary>
    /// The mount that holds this absolute, symlink-free path: the longest mount point that is a prefix; of stacked ones the youngest.
    /// </summary>
    public MountInfo? Holding(string path)
    {
        MountInfo? best = null;
        foreach (var mount in Mounts)
        {
            var inside = mount.Target == "/" || path == mount.Target || path.StartsWith(mount.Target + "/", StringComparison.Ordinal);
            if (inside && (best is null || mount.Target.Length >= best.Target.Length)) best = mount;
        }

        return best;
    }

    // 36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue
    private static MountInfo ParseLine(ReadOnlySpan<byte> line)
    {
        var fields = Encoding.UTF8.GetString(line).Split(' ');
        var separator = Array.IndexOf(fields, "-", Math.Min(FieldsBeforeTags, fields.Length));
        if (separator < 0 || fields.Length < separator + 4)
        {
            throw new FormatException($"not a line of mountinfo: '{Encoding.UTF8.GetString(line)}'");
        }

        var tags = fields.AsSpan(FieldsBeforeTags, separator - FieldsBeforeTags);
        return new MountInfo(
            Number(fields[0]), Number(fields[1]), fields[2], Unescape(fields[3]), Unescape(fields[4]), fields[5],
            Group(tags, "shared:"), Group(tags, "master:"), Unescape(fields[separator + 1]), Unescape(fields[separator + 2]),
            Unescape(fields[separator + 3]));
    }

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    private static int Group(ReadOnlySpan<string> tags, string name)
    {
        foreach (var tag in tags)
        {
            if (tag.StartsWith(name, StringComparison.Ordinal)) return Number(tag[name.Length..]);
        }

        return 0;
    }

    /// <summary>
    /// Undoes mangle() of the kernel: space, tab, newline, backslash and '#' stand as three octal digits after a backslash.
    /// </summary>
    internal static string Unescape(string text)
    {
        if (!text.Contains('\\')) return text;
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length && IsOctal(text.AsSpan(i + 1, 3)))
            {
                result.Append((char)(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0')));
                i += 3;
            }
            else
            {
                result.Append(text[i]);
            }
        }

        return result.ToString();
    }

    private static bool IsOctal(ReadOnlySpan<char> digits) => !digits.ContainsAnyExceptInRange('0', '7') && digits[0] <= '3';
}
