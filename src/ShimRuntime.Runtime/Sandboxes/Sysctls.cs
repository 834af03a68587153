namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>A pod's sysctls: namespaced ones of an allow-list, and values that are values (the class of CVE-2022-0811).</summary>
internal static class Sysctls
{
    private const int MaxCount = 256;
    private const int MaxKeyChars = 255;
    private const int MaxValueChars = 1024;
    private const string Tree = "/proc/sys/";

    private const string UnprivilegedPorts = Tree + "net/ipv4/ip_unprivileged_port_start";
    private const string PingGroups = Tree + "net/ipv4/ping_group_range";

    /// <summary>Which of the pod's namespaces are its own: a sysctl of one that is not would change the host.</summary>
    internal readonly record struct Own(bool Network, bool Ipc);

    /// <summary>Paths below /proc/sys and values, in the order of the keys. InvalidArgument names the sysctl and why.</summary>
    public static IReadOnlyList<(string Path, string Value)> Parse(IDictionary<string, string> sysctls, IReadOnlyList<string> allowed, Own own)
    {
        if (sysctls.Count > MaxCount) throw SandboxValidation.Bad($"{sysctls.Count} sysctls are more than {MaxCount}");
        return [.. sysctls.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => ParseOne(s.Key, s.Value, allowed, own))];
    }

    /// <summary>What a pod gets that says nothing of it: in a network of its own no port is privileged, and ping needs no capability.</summary>
    /// <param name="asked">Of <see cref="Parse"/>; these win.</param>
    /// <param name="allGroups">False in a user namespace: the kernel refuses groups that are not mapped there.</param>
    public static IReadOnlyList<(string Path, string Value)> WithDefaults(
        IReadOnlyList<(string Path, string Value)> asked, Own own, bool allGroups)
    {
        var all = new List<(string Path, string Value)>();
        if (own.Network) all.Add((UnprivilegedPorts, "0"));
        if (own.Network && allGroups) all.Add((PingGroups, "0 2147483647"));
        all.RemoveAll(d => asked.Any(a => a.Path == d.Path));
        return [.. all, .. asked];
    }

    private static (string Path, string Value) ParseOne(string key, string value, IReadOnlyList<string> allowed, Own own)
    {
        if (key.Length is 0 or > MaxKeyChars || !key.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '/' or '_' or '-'))
            throw SandboxValidation.Bad("a sysctl's name has other characters than letters, digits, '.', '/', '_' and '-', or more than 255");
        if (value.Length is 0 or > MaxValueChars || value.Any(c => char.IsControl(c) && c != '\t') || value.Contains('+') || !value.All(char.IsAscii))
            throw SandboxValidation.Bad($"sysctl '{key}' has a value that is empty, longer than {MaxValueChars} characters, or has control characters or '+' in it");
        var segments = Segments(key);
        if (segments.Any(s => s is "" or "." or "..")) throw SandboxValidation.Bad($"sysctl '{key}' is no name of a sysctl");
        var dotted = string.Join('.', segments);
        if (!allowed.Any(a => a.EndsWith('*') ? dotted.StartsWith(a[..^1], StringComparison.Ordinal) : dotted == a))
            throw SandboxValidation.Bad($"sysctl '{dotted}' is not one that a pod may set: {string.Join(", ", allowed)}");
        CheckNamespace(dotted, own);
        return (Tree + string.Join('/', segments), value);
    }

    /// <summary>sysctl(8): whichever of '.' and '/' comes first separates; the other one then belongs to a name, swapped (net/ipv4/conf/eth0.1).</summary>
    private static string[] Segments(string key)
    {
        var first = key.IndexOfAny(['.', '/']);
        return first >= 0 && key[first] == '/' ? key.Split('/') : [.. key.Split('.').Select(s => s.Replace('/', '.'))];
    }

    private static void CheckNamespace(string dotted, Own own)
    {
        var network = dotted.StartsWith("net.", StringComparison.Ordinal);
        var ipc = dotted.StartsWith("fs.mqueue.", StringComparison.Ordinal)
            || dotted is "kernel.sem" || dotted.StartsWith("kernel.shm", StringComparison.Ordinal) || dotted.StartsWith("kernel.msg", StringComparison.Ordinal);
        if (!network && !ipc) throw SandboxValidation.Bad($"sysctl '{dotted}' belongs to no namespace: it would change the host");
        if (network && !own.Network) throw SandboxValidation.Bad($"sysctl '{dotted}' would change the host's network: the pod shares it");
        if (ipc && !own.Ipc) throw SandboxValidation.Bad($"sysctl '{dotted}' would change the host's IPC: the pod shares it");
    }
}
