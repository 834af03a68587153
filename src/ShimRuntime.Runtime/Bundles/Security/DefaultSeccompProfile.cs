using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// RuntimeDefault: an allow list. What is not on it fails with EPERM; clone3 fails with ENOSYS, because its flags stand in memory where a
/// filter can't see them, and C libraries then use clone. Some calls are allowed only beside the capability that they need anyway, so
/// that adding the capability is enough to use them.
/// </summary>
internal static class DefaultSeccompProfile
{
    private const string Allow = "SCMP_ACT_ALLOW";
    private const uint EPERM = 1;
    private const uint ENOSYS = 38;

    // CLONE_NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET | NEWNS, clone(2): a new namespace needs CAP_SYS_ADMIN.
    private const ulong NamespaceFlags = 0x7E02_0000;

    // socket(2): AF_ALG and AF_VSOCK (40) reach beyond a network namespace or into rarely used kernel code. Each family above is named,
    // because a filter compares 64 bits of which the kernel takes 32: "greater than 40" would let 1 << 32 | 40 pass as AF_VSOCK.
    private const ulong AF_ALG = 38;
    private static readonly ulong[] LaterFamilies = [39, 41, 42, 43, 44, 45]; // NFC, KCM, QIPCRTR, SMC, XDP, MCTP

    // personality(2): Linux, Linux with 32-bit uname, both with UNAME26, and "only tell me".
    private static readonly ulong[] Personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

    /// <param name="architecture">amd64 or arm64.</param>
    /// <param name="capabilities">The bounding set, as CAP_NAME.</param>
    public static SeccompProfile Build(string architecture, IReadOnlyCollection<string> capabilities) => new()
    {
        DefaultAction = "SCMP_ACT_ERRNO",
        DefaultErrnoRet = EPERM,
        Architectures = Architectures(architecture),
        Syscalls =
        [
            new SeccompRule { Names = [.. SeccompSyscalls.Always.Concat(ForArchitecture(architecture)).Order(StringComparer.Ordinal)], Action = Allow },
            .. Personalities.Select(p => Compare("personality", "SCMP_CMP_EQ", p)),
            Compare("socket", "SCMP_CMP_LT", AF_ALG),
            .. LaterFamilies.Select(f => Compare("socket", "SCMP_CMP_EQ", f)),
            .. CapabilityRules(capabilities),
        ],
    };

    /// <summary>The machine's own, and those whose programs its kernel runs as well.</summary>
    public static IReadOnlyList<string> Architectures(string architecture) =>
        architecture == "arm64" ? ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"] : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"];

    private static IEnumerable<string> ForArchitecture(string architecture) =>
        architecture == "arm64" ? SeccompSyscalls.Arm : SeccompSyscalls.X86;

    private static IEnumerable<SeccompRule> CapabilityRules(IReadOnlyCollection<string> capabilities)
    {
        var names = SeccompSyscalls.ByCapability.Where(c => capabilities.Contains(c.Capability)).SelectMany(c => c.Names).ToHashSet();
        if (names.Count > 0) yield return new SeccompRule { Names = [.. names.Order(StringComparer.Ordinal)], Action = Allow };
        if (capabilities.Contains("CAP_SYS_ADMIN")) yield break;
        yield return new SeccompRule
        {
            Names = ["clone"],
            Action = Allow,
            Args = [new SeccompArg { Index = 0, Value = NamespaceFlags, ValueTwo = 0, Op = "SCMP_CMP_MASKED_EQ" }],
        };
        yield return new SeccompRule { Names = ["clone3"], Action = "SCMP_ACT_ERRNO", ErrnoRet = ENOSYS };
    }

    private static SeccompRule Compare(string name, string op, ulong value) =>
        new() { Names = [name], Action = Allow, Args = [new SeccompArg { Index = 0, Value = value, Op = op }] };
}
