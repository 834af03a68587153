using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>A node's own profile, checked as far as it can be without libseccomp, so that Create refuses what Start would.</summary>
internal static class SeccompChecks
{
    private static readonly HashSet<string> Actions =
    [
        "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG",
    ];

    private static readonly HashSet<string> Operators =
    [
        "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ",
    ];

    /// <param name="source">The field and file, for the refusal.</param>
    public static SeccompProfile Check(SeccompProfile profile, string source)
    {
        // A notify socket would hand the container's system calls to whoever listens there.
        if (profile.ListenerPath is not null)
        {
            throw Refusal.Invalid(source, "names a listenerPath; notification sockets are not allowed in profiles");
        }

        CheckAction(profile.DefaultAction, "defaultAction", source);
        foreach (var rule in profile.Syscalls ?? [])
        {
            CheckAction(rule.Action, "action", source);
            if (rule.Names is not { Count: > 0 }) throw Refusal.Invalid(source, "has a rule without names");
            foreach (var arg in rule.Args ?? [])
            {
                if (arg.Index > 5) throw Refusal.Invalid(source, $"compares argument {arg.Index}; a system call has 0 to 5");
                if (!Operators.Contains(arg.Op ?? ""))
                {
                    throw Refusal.Invalid(source, $"has the unknown op '{ContainerPath.Show(arg.Op ?? "")}'");
                }
            }
        }

        return profile;
    }

    private static void CheckAction(string? action, string member, string source)
    {
        if (action is null || !Actions.Contains(action))
        {
            throw Refusal.Invalid(
                source, $"has the {member} '{ContainerPath.Show(action ?? "")}', which is none of {string.Join(", ", Actions)}");
        }
    }
}
