using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// What a container's filter becomes when its shim is to answer bind(2) (level L3 of a hot swap): the same filter, but each bind that it
/// allows waits for the shim. runc refuses two actions for one call, so bind leaves the rules that allow it, and one rule of its own is added.
/// A filter that says anything else of bind is no filter that could be kept: then the level is refused, with the reason.
/// </summary>
internal static class SeccompBindNotify
{
    private const string Allow = "SCMP_ACT_ALLOW";
    private const string Notify = "SCMP_ACT_NOTIFY";
    private const string Bind = "bind";

    /// <param name="profile">Null: unconfined.</param>
    /// <param name="target">amd64 or arm64, which an unconfined container's filter is for; the Unix socket where runc hands the descriptor over.</param>
    /// <param name="refusal">Null, or why the profile can't be composed, to follow "its seccomp profile".</param>
    public static SeccompProfile? Compose(SeccompProfile? profile, (string Architecture, string ListenerPath) target, out string? refusal)
    {
        var effective = profile ?? Unconfined(target.Architecture);
        refusal = Refusal(effective);
        if (refusal is not null) return null;
        var rules = (effective.Syscalls ?? []).Select(Without).Where(r => r.Names.Count > 0);
        return effective with
        {
            Syscalls = [.. rules, new SeccompRule { Names = [Bind], Action = Notify }],
            ListenerPath = target.ListenerPath,
        };
    }

    /// <summary>What was composed, as it was before: bind allowed, and nobody asked. Another profile comes back itself.</summary>
    public static SeccompProfile? Original(SeccompProfile? profile)
    {
        if (profile?.ListenerPath is null) return profile;
        List<SeccompRule> rules = [.. (profile.Syscalls ?? []).Where(r => r.Action != Notify)];
        if (rules.Count == 0 && profile.DefaultAction == Allow) return null; // unconfined
        if (profile.DefaultAction != Allow) rules.Add(new SeccompRule { Names = [Bind], Action = Allow });
        return profile with { Syscalls = rules, ListenerPath = null };
    }

    private static string? Refusal(SeccompProfile profile)
    {
        var rules = (profile.Syscalls ?? []).Where(r => r.Names.Contains(Bind)).ToList();
        if (rules.Find(r => r.Action != Allow) is { } other) return $"answers bind with {other.Action}";
        if (rules.Exists(r => r.Args is { Count: > 0 })) return "allows bind with some arguments only";
        if (rules.Count == 0 && profile.DefaultAction != Allow) return $"answers bind with {profile.DefaultAction}, its default";
        return profile.ListenerPath is null ? null : "has a listener already";
    }

    private static SeccompRule Without(SeccompRule rule) =>
        rule.Names.Contains(Bind) ? rule with { Names = [.. rule.Names.Where(n => n != Bind)] } : rule;

    private static SeccompProfile Unconfined(string architecture) => new()
    {
        DefaultAction = Allow,
        Architectures = DefaultSeccompProfile.Architectures(architecture),
    };
}
