using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// Whom the process runs as.
/// <code>
///   run_as_username (+ run_as_group)     user must be in the image
///   run_as_user     (+ run_as_group)     gid from the image's passwd, 0 when it has no such uid
///   nothing                              the image's User: name | uid | name-or-uid:group-or-gid
///   nothing, and the image names nobody  0:0
/// </code>
/// Supplementary groups: the primary group, then by policy Merge those that the image's group file gives the user, then the request's.
/// By Strict the image's are left out.
/// </summary>
internal static class UserResolver
{
    /// <param name="users">Of the pod; null: the host's.</param>
    public static UserSpec Resolve(ContainerConfig config, ImageConfig image, RootfsView rootfs, UserMappings? users)
    {
        var context = config.Linux?.SecurityContext ?? new LinuxContainerSecurityContext();
        var asked = Ask(context, image);
        var database = new UserDatabase(rootfs);
        var (uid, name, primary) = FindUser(asked, database);
        var gid = asked.Group is null ? primary : FindGroup(asked, database);
        var user = new UserSpec { Uid = uid, Gid = gid, AdditionalGids = Groups(context, gid, name, database) };
        MappedIds.Check(user, users, asked.Field, context.RunAsGroup is not null);
        return user;
    }

    /// <summary>As ContainerStatus reports it.</summary>
    public static LinuxContainerUser ToStatus(UserSpec user) => new()
    {
        Uid = user.Uid,
        Gid = user.Gid,
        SupplementalGroups = { (user.AdditionalGids ?? []).Select(g => (long)g) },
    };

    private static AskedUser Ask(LinuxContainerSecurityContext context, ImageConfig image)
    {
        var group = context.RunAsGroup?.Value;
        var groupText = group is null ? null : UserIds.Check(group.Value, "linux.security_context.run_as_group").ToString(Invariant);
        if (context.RunAsUsername.Length > 0)
        {
            if (context.RunAsUser is not null)
            {
                throw Refusal.Invalid("linux.security_context.run_as_username", "and run_as_user are both given; give one");
            }

            if (context.RunAsUsername.AsSpan().ContainsAny(':', '\0', '\n'))
            {
                throw Refusal.Invalid(
                    "linux.security_context.run_as_username", $"'{ContainerPath.Show(context.RunAsUsername)}' is no user name");
            }

            return new AskedUser(context.RunAsUsername, groupText, "linux.security_context.run_as_username");
        }

        if (context.RunAsUser is { } user)
        {
            var uid = UserIds.Check(user.Value, "linux.security_context.run_as_user");
            return new AskedUser(uid.ToString(Invariant), groupText, "linux.security_context.run_as_user");
        }

        if (groupText is not null)
        {
            throw Refusal.Invalid("linux.security_context.run_as_group", "is given without run_as_user or run_as_username; give both");
        }

        return AskImage(image.User ?? "");
    }

    private static AskedUser AskImage(string user)
    {
        const string Field = "image User";
        if (user.Length == 0) return new AskedUser("0", null, Field);
        if (user.AsSpan().ContainsAny('\0', '\n')) throw Refusal.Invalid(Field, "contains a control character");
        var parts = user.Split(':');
        if (parts.Length > 2 || parts.Any(p => p.Length == 0))
        {
            throw Refusal.Invalid(Field, $"'{ContainerPath.Show(user)}' is not user or user:group");
        }

        return new AskedUser(parts[0], parts.Length == 2 ? parts[1] : null, Field);
    }

    private static (uint Uid, string? Name, uint Gid) FindUser(AskedUser asked, UserDatabase database)
    {
        if (UserIds.Parse(asked.User, asked.Field) is { } uid)
        {
            var known = database.User(uid);
            return (
                uid, known?.Name, known is null ? 0 : UserIds.Check(known.Gid, $"{asked.Field} {uid}: the gid in the image's /etc/passwd,"));
        }

        var entry = database.User(asked.User)

                ?? throw Refusal.Invalid(
                    asked.Field,
                    $"'{ContainerPath.Show(asked.User)}' is not in the image's /etc/passwd; give a number or a user of the image");
        var source = $"{asked.Field} '{asked.User}': the id in the image's /etc/passwd,";
        return (UserIds.Check(entry.Uid, source), entry.Name, UserIds.Check(entry.Gid, source));
    }

    private static uint FindGroup(AskedUser asked, UserDatabase database)
    {
        if (UserIds.Parse(asked.Group!, asked.Field) is { } gid) return gid;
        var entry = database.Group(asked.Group!)

                ?? throw Refusal.Invalid(
                    asked.Field, $"names group '{ContainerPath.Show(asked.Group!)}', which is not in the image's /etc/group");
        return UserIds.Check(entry.Gid, $"{asked.Field}: the gid of '{asked.Group}' in the image's /etc/group,");
    }

    private static List<uint> Groups(LinuxContainerSecurityContext context, uint primary, string? name, UserDatabase database)
    {
        const string Field = "linux.security_context.supplemental_groups";
        var asked = context.SupplementalGroups.Select((g, i) => UserIds.Check(g, $"{Field}[{i}]"));
        var image = context.SupplementalGroupsPolicy switch
        {
            SupplementalGroupsPolicy.Strict => [],
            SupplementalGroupsPolicy.Merge when name is null => [],
            SupplementalGroupsPolicy.Merge => database.GroupsOf(name).Select(g => UserIds.Check(g.Gid, $"image group '{g.Name}': the gid in /etc/group,")),
            var other =>
                throw Refusal.Invalid(
                    "linux.security_context.supplemental_groups_policy", $"{(int)other} is unknown; give Merge or Strict"),
        };
        return [primary, .. image.Concat(asked).Distinct().Where(g => g != primary).Order()];
    }

    private static System.Globalization.CultureInfo Invariant => System.Globalization.CultureInfo.InvariantCulture;

    /// <param name="User">Name or number.</param>
    /// <param name="Group">Name or number; null: the user's own.</param>
    private readonly record struct AskedUser(string User, string? Group, string Field);
}
