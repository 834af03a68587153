using System.Text.Json;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// A node's own seccomp profile, from its file to what runc gets. Of Docker's form the rules that hold here are taken: a reader that passed
/// over includes and excludes would allow everyone what the profile allows to a capability.
/// </summary>
internal sealed class LocalhostSeccomp(IHostView host, IReadOnlyCollection<string> capabilities)
{
    private const int MaxProfileBytes = 1 << 20;

    /// <param name="field">Of the request, for refusals.</param>
    public SeccompProfile Read(string path, string field)
    {
        try
        {
            var json = host.ReadFile(path, MaxProfileBytes) ?? throw Refusal.Invalid(field, $"'{path}' does not exist on this node");
            var profile = JsonSerializer.Deserialize(json, RuntimeJson.Default.SeccompProfileFile) ?? throw new JsonException("it is null");
            SeccompChecks.Check(profile, $"{field} '{path}'");
            return ToSpec(profile);
        }
        catch (JsonException e)
        {
            throw Refusal.Invalid(field, $"'{path}' is no seccomp profile of the OCI runtime-spec: {e.Message}");
        }
        catch (IOException e)
        {
            throw Refusal.Invalid(field, $"'{path}' can't be read: {e.Message}");
        }
    }

    private SeccompProfile ToSpec(SeccompProfileFile profile)
    {
        var native = host.Facts.Architecture == "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";
        var mapped = profile.ArchMap?.FirstOrDefault(a => a.Architecture == native);
        return new SeccompProfile
        {
            DefaultAction = profile.DefaultAction,
            DefaultErrnoRet = profile.DefaultErrnoRet,
            Architectures = mapped is null ? profile.Architectures : [native, .. mapped.SubArchitectures ?? []],
            Flags = profile.Flags,
            Syscalls = profile.Syscalls is null ? null : [.. profile.Syscalls.Where(Holds).Select(ToSpec)],
        };
    }

    private static SeccompRule ToSpec(SeccompFileRule rule) => new()
    {
        Names = rule.Names is { Count: > 0 } names ? names : [rule.Name!],
        Action = rule.Action,
        ErrnoRet = rule.ErrnoRet,
        Args = rule.Args,
    };

    private bool Holds(SeccompFileRule rule)
    {
        var (wants, rules) = (rule.Includes ?? new SeccompCondition(), rule.Excludes ?? new SeccompCondition());
        return (wants.Arches is not { Count: > 0 } || wants.Arches.Contains(host.Facts.Architecture))
            && (wants.Caps ?? []).All(capabilities.Contains)
            && (wants.MinKernel is null || IsAtLeast(wants.MinKernel))
            && !(rules.Arches ?? []).Contains(host.Facts.Architecture)
            && !(rules.Caps ?? []).Any(capabilities.Contains)
            && (rules.MinKernel is null || !IsAtLeast(rules.MinKernel));
    }

    private static bool IsAtLeast(string kernel) => Environment.OSVersion.Version >= Version.Parse(kernel);
}
