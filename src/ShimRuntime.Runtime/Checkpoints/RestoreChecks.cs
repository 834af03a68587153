using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>
/// CRIU brings processes back with the credentials, filters and mounts that they had. So the config.json of then must not allow more than
/// that of now, which the request alone decides: capabilities and mounts of an archive would else be a way around both.
/// </summary>
internal static class RestoreChecks
{
    /// <summary>The first difference that matters, in words; null: what was checkpointed is what the request asks for.</summary>
    public static string? Difference(RuntimeSpec then, RuntimeSpec now) =>
        InProcess(then.Process, now.Process) ?? InLinux(then.Linux, now.Linux) ?? InMounts(then, now);

    private static string? InProcess(ProcessSpec then, ProcessSpec now)
    {
        if (then.Terminal != now.Terminal)
            return then.Terminal ? "it has a terminal, and tty is not set" : "it has no terminal, and tty is set";
        if (then.User.Uid != now.User.Uid || then.User.Gid != now.User.Gid)
            return $"it runs as {then.User.Uid}:{then.User.Gid}, and the request says {now.User.Uid}:{now.User.Gid}";
        if (Beyond(then.User.AdditionalGids ?? [], now.User.AdditionalGids ?? []) is { } group)
            return $"it has the supplementary group {group}";
        if (InCapabilities(then.Capabilities ?? new(), now.Capabilities ?? new()) is { } capability)
            return $"it has the capability {capability}";
        if (now.NoNewPrivileges && !then.NoNewPrivileges) return "it may gain privileges (no_new_privs)";
        if ((then.OomScoreAdj ?? 0) < (now.OomScoreAdj ?? 0)) return $"its oom_score_adj is {then.OomScoreAdj ?? 0}, below {now.OomScoreAdj}";
        if ((then.ApparmorProfile ?? "") != (now.ApparmorProfile ?? ""))
            return $"its AppArmor profile is '{then.ApparmorProfile}', not '{now.ApparmorProfile}'";
        return (then.SelinuxLabel ?? "") != (now.SelinuxLabel ?? "")
            ? $"its SELinux label is '{then.SelinuxLabel}', not '{now.SelinuxLabel}'" : null;
    }

    private static string? InCapabilities(CapabilitySets then, CapabilitySets now) =>
        Beyond(then.Bounding, now.Bounding) ?? Beyond(then.Permitted, now.Permitted) ?? Beyond(then.Effective, now.Effective)
        ?? Beyond(then.Inheritable, now.Inheritable) ?? Beyond(then.Ambient, now.Ambient);

    private static string? InLinux(LinuxSpec then, LinuxSpec now)
    {
        if (now.Seccomp is not null && !Same(then.Seccomp, now.Seccomp)) return "its seccomp filter is another one, or none";
        if (Beyond(Namespaces(now), Namespaces(then)) is { } missing) return $"it has no {missing} namespace";
        if (Beyond(Namespaces(then), Namespaces(now)) is { } more) return $"it has a {more} namespace, and the request none";
        if (Beyond(now.MaskedPaths ?? [], then.MaskedPaths ?? []) is { } path) return $"it sees '{path}', which is masked";
        if (Beyond(now.ReadonlyPaths ?? [], then.ReadonlyPaths ?? []) is { } written) return $"it can write to '{written}', which is read-only";
        return Beyond(Devices(then), Devices(now)) is { } device ? $"it has the device '{device}'" : null;
    }

    private static string? InMounts(RuntimeSpec then, RuntimeSpec now)
    {
        if (now.Root.Readonly && !then.Root.Readonly) return "it can write to its root, which is read-only";
        var (were, are) = (Mounts(then), Mounts(now));
        if (Beyond([.. were.Keys], [.. are.Keys]) is { } more) return $"it has a mount at '{more}' that the request has not";
        if (Beyond([.. are.Keys], [.. were.Keys]) is { } missing) return $"it has no mount at '{missing}'";
        foreach (var (destination, mount) in are)
        {
            if (were[destination].Type != mount.Type)
                return $"its mount at '{destination}' is of type {were[destination].Type}, not {mount.Type}";
            foreach (var option in (ReadOnlySpan<string>)["ro", "rro", "nosuid", "nodev", "noexec"])
            {
                if (Has(mount, option) && !Has(were[destination], option)) return $"its mount at '{destination}' is not {option}";
            }
        }

        return null;
    }

    /// <summary>The last of a destination is what is seen there.</summary>
    private static Dictionary<string, MountSpec> Mounts(RuntimeSpec spec)
    {
        var mounts = new Dictionary<string, MountSpec>(StringComparer.Ordinal);
        foreach (var mount in spec.Mounts ?? []) mounts[mount.Destination] = mount;
        return mounts;
    }

    private static bool Has(MountSpec mount, string option) => mount.Options?.Contains(option) ?? false;

    private static bool Same(SeccompProfile? then, SeccompProfile now)
    {
        if (then is null) return false;
        return System.Text.Json.JsonSerializer.Serialize(then, RuntimeJson.Default.SeccompProfile)
            == System.Text.Json.JsonSerializer.Serialize(now, RuntimeJson.Default.SeccompProfile);
    }

    /// <summary>Own or joined is not told apart for those that a pod has: they are the pod's anyway.</summary>
    private static List<string> Namespaces(LinuxSpec spec) =>
        [.. spec.Namespaces.Select(n => n.Type == "pid" && n.Path is not null ? "joined pid" : n.Type)];

    private static List<string> Devices(LinuxSpec spec) => [.. (spec.Devices ?? []).Select(d => $"{d.Path} {d.Type} {d.Major}:{d.Minor}")];

    /// <summary>The first that has no equal among the others.</summary>
    private static string? Beyond<T>(IReadOnlyList<T> these, IReadOnlyList<T> others)
        where T : notnull
    {
        var known = others.ToHashSet();
        foreach (var one in these)
        {
            if (!known.Contains(one)) return one.ToString();
        }

        return null;
    }
}
