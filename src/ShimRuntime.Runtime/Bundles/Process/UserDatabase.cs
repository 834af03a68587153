using System.Globalization;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>One usable line of passwd(5). Ids are as written; <see cref="UserIds"/> decides whether they may be used.</summary>
internal sealed record PasswdEntry(string Name, long Uid, long Gid);

/// <summary>One usable line of group(5).</summary>
internal sealed record GroupEntry(string Name, long Gid, IReadOnlyList<string> Members);

/// <summary>
/// The image's own /etc/passwd and /etc/group, each read at most once. Lines that don't parse are passed over, as by getpwnam(3).
/// </summary>
internal sealed class UserDatabase(RootfsView rootfs)
{
    // Far above any real file: one of a million users would be refused, not read (CVE-2025-4437).
    private const int MaxBytes = 4 << 20;
    private const int MaxLines = 65_536;
    private readonly Lazy<IReadOnlyList<PasswdEntry>> _users = new(() => Read(rootfs, "/etc/passwd", ParseUser));
    private readonly Lazy<IReadOnlyList<GroupEntry>> _groups = new(() => Read(rootfs, "/etc/group", ParseGroup));

    public PasswdEntry? User(string name) => _users.Value.FirstOrDefault(u => u.Name == name);

    public PasswdEntry? User(long uid) => _users.Value.FirstOrDefault(u => u.Uid == uid);

    public GroupEntry? Group(string name) => _groups.Value.FirstOrDefault(g => g.Name == name);

    /// <summary>Groups that list the user as a member, in the file's order.</summary>
    public IEnumerable<GroupEntry> GroupsOf(string user) => _groups.Value.Where(g => g.Members.Contains(user));

    private static List<T> Read<T>(RootfsView rootfs, string file, Func<string[], T?> parse)
        where T : class =>
        rootfs.ReadLines(file, MaxBytes, MaxLines).Select(line => parse(line.TrimEnd('\r').Split(':'))).OfType<T>().ToList();

    // name:password:uid:gid:gecos:home:shell
    private static PasswdEntry? ParseUser(string[] fields) =>
        fields.Length >= 4 && fields[0].Length > 0 && TryId(fields[2], out var uid) && TryId(fields[3], out var gid) ? new(fields[0], uid, gid) : null;

    // name:password:gid:member,member
    private static GroupEntry? ParseGroup(string[] fields) =>
        fields.Length >= 3 && fields[0].Length > 0 && TryId(fields[2], out var gid)
            ? new(fields[0], gid, fields.Length > 3 ? fields[3].Split(',', StringSplitOptions.RemoveEmptyEntries) : [])
            : null;

    private static bool TryId(string text, out long id) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id);
}
