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

    // libseccomp's names as runc takes them.
    private static readonly HashSet<string> Architectures =
    [
        "SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64",
        "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64",
        "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64", "SCMP_ARCH_S390", "SCMP_ARCH_S390X",
    ];

    private static readonly HashSet<string> Flags =
    [
        "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    ];

    /// <param name="source">The field and file, for the refusal.</param>
    public static void Check(SeccompProfileFile profile, string source)
    {
        // A notify socket would hand the container's system calls to whoever listens there.
        if (profile.ListenerPath is not null)
        {
            throw Refusal.Invalid(source, "names a listenerPath; notification sockets are not allowed in profiles");
        }

        CheckAction(profile.DefaultAction, "defaultAction", source);
        if (profile.ArchMap is { Count: > 0 } && profile.Architectures is { Count: > 0 })
            throw Refusal.Invalid(source, "has both architectures and archMap; give one");
        CheckNames(profile.Architectures, Architectures, "architecture", source);
        CheckNames(profile.ArchMap?.Select(a => a?.Architecture ?? ""), Architectures, "architecture", source);
        CheckNames(profile.ArchMap?.SelectMany(a => a.SubArchitectures ?? []), Architectures, "architecture", source);
        CheckNames(profile.Flags, Flags, "flag", source);
        foreach (var rule in profile.Syscalls ?? []) CheckRule(rule, source);
    }

    private static void CheckRule(SeccompFileRule? rule, string source)
    {
        if (rule is null || (rule.Names ?? []).Contains(null!) || (rule.Args ?? []).Contains(null!)) throw Refusal.Invalid(source, "has a rule, a name or an argument that is null");
        CheckAction(rule.Action, "action", source);
        var named = rule.Names is { Count: > 0 };
        if (named == (rule.Name is { Length: > 0 })) throw Refusal.Invalid(source, named ? "has a rule with both name and names" : "has a rule without names");
        foreach (var arg in rule.Args ?? [])
        {
            if (arg.Index > 5) throw Refusal.Invalid(source, $"compares argument {arg.Index}; a system call has 0 to 5");
            CheckNames([arg.Op ?? ""], Operators, "op", source);
        }

        foreach (var kernel in new[] { rule.Includes?.MinKernel, rule.Excludes?.MinKernel })
        {
            if (kernel is not null && !Version.TryParse(kernel, out _)) throw Refusal.Invalid(source, $"has the minKernel '{ContainerPath.Show(kernel)}', which is no version");
        }
    }

    private static void CheckNames(IEnumerable<string>? names, HashSet<string> known, string what, string source)
    {
        if (names?.Select(n => n ?? "").FirstOrDefault(n => !known.Contains(n)) is { } other) throw Refusal.Invalid(source, $"has the unknown {what} '{ContainerPath.Show(other)}'");
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
