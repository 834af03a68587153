using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// In a user namespace a process can only become whom the namespace maps: setuid(2) and setgroups(2) refuse all others, when it is too late
/// to say which field they came from.
/// </summary>
internal static class MappedIds
{
    private const string Group = "linux.security_context.run_as_group";
    private const string Groups = "linux.security_context.supplemental_groups";

    /// <param name="users">Null: the host's, which has all.</param>
    /// <param name="field">Where the user comes from.</param>
    /// <param name="groupAsked">The request names the primary group.</param>
    public static void Check(UserSpec user, UserMappings? users, string field, bool groupAsked)
    {
        if (users is null) return;
        Check(user.Uid, users.Uids, field, "uid");
        Check(user.Gid, users.Gids, groupAsked ? Group : field, "gid");
        foreach (var group in user.AdditionalGids ?? []) Check(group, users.Gids, Groups, "gid");
    }

    private static void Check(uint id, IdRange range, string field, string kind)
    {
        if (range.OnHost(id) is null)
            throw Refusal.Invalid(field, $"comes to {kind} {id}, and the pod's user namespace has the ids 0 to {range.Count - 1} alone");
    }
}
