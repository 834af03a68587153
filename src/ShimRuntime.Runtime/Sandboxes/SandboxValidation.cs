using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>What of a RunPodSandboxRequest can be refused without doing anything; each refusal is InvalidArgument with the limit or rule named.</summary>
internal static class SandboxValidation
{
    private const int MaxRequestBytes = 1 << 20;
    private const int MaxLabels = 1_000;
    private const int MaxSliceBytes = 255; // NAME_MAX: it is a cgroup's directory
    private const int MaxHostnameBytes = 63; // one DNS label; sethostname(2) takes 64
    private const int MaxPathBytes = 4_000;

    public static void Check(RunPodSandboxRequest request)
    {
        var config = request.Config ?? throw Bad("the request has no config");
        var pod = config.Metadata ?? throw Bad("config has no metadata");
        if (pod.Name.Length == 0) throw Bad("metadata.name is empty");
        CheckName("metadata.name", pod.Name);
        CheckName("metadata.namespace", pod.Namespace);
        CheckName("metadata.uid", pod.Uid);
        if (config.Windows is not null) throw Bad("config.windows is set, and this is Linux");
        CheckPairs("labels", config.Labels);
        CheckPairs("annotations", config.Annotations);
        CheckHostname(config.Hostname);
        CheckPath("log_directory", config.LogDirectory);
        if (File.Exists(config.LogDirectory)) throw Bad($"log_directory '{config.LogDirectory}' is no directory; name another, or none");
        CheckCgroupParent(config.Linux?.CgroupParent ?? "");
        CheckNamespaces(config.Linux?.SecurityContext?.NamespaceOptions);
        ResolvConf.Check(config.DnsConfig);
        // Last, because it can't say which field it is.
        if (config.CalculateSize() is var size && size > MaxRequestBytes) throw Bad($"config has {size} bytes, more than {MaxRequestBytes}");
    }

    internal static RuntimeFault Bad(string cause) => RuntimeFault.InvalidArgument($"failed to run pod sandbox: {cause}");

    private static void CheckName(string field, string value)
    {
        if (EntityNames.Problem(value) is { } problem) throw Bad($"{field} {problem}");
    }

    private static void CheckPairs(string field, IDictionary<string, string> pairs)
    {
        if (pairs.Count > MaxLabels) throw Bad($"{pairs.Count} {field} are more than {MaxLabels}");
        if (pairs.Any(p => p.Key.Length == 0 || p.Key.Contains('\0') || p.Value.Contains('\0'))) throw Bad($"{field} have an empty key or a NUL");
    }

    private static void CheckHostname(string hostname)
    {
        if (hostname.Length > MaxHostnameBytes) throw Bad($"hostname '{hostname}' is longer than {MaxHostnameBytes} characters");
        if (!hostname.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_')) throw Bad("hostname has other characters than letters, digits, '-', '.' and '_'");
    }

    /// <summary>A path, or the bare name of a slice of systemd's, which the driver judges.</summary>
    private static void CheckCgroupParent(string parent)
    {
        var isBareSlice = SliceName.IsSlice(parent) && parent.Length <= MaxSliceBytes && !parent.Any(c => c == '/' || char.IsControl(c));
        if (!isBareSlice) CheckPath("linux.cgroup_parent", parent);
    }

    /// <summary>Absolute, and what it says: no empty, '.' or '..' segment, no control character.</summary>
    private static void CheckPath(string field, string path)
    {
        if (path.Length == 0 || path == "/") return;
        var clean = path[0] == '/' && path.Length <= MaxPathBytes && !path.Any(char.IsControl)
            && path.TrimEnd('/')[1..].Split('/').All(s => s is not ("" or "." or ".."));
        if (!clean) throw Bad($"{field} '{Printable(path)}' is not an absolute path without '.', '..' and empty segments, at most {MaxPathBytes} characters");
    }

    private static void CheckNamespaces(NamespaceOption? options)
    {
        if (options is null) return;
        if (options.Network is not (NamespaceMode.Pod or NamespaceMode.Node)) throw Bad($"network namespace mode {options.Network} is neither POD nor NODE");
        if (options.Ipc is not (NamespaceMode.Pod or NamespaceMode.Node)) throw Bad($"ipc namespace mode {options.Ipc} is neither POD nor NODE");
        if (options.Pid is not (NamespaceMode.Pod or NamespaceMode.Container or NamespaceMode.Node))
            throw Bad($"pid namespace mode {options.Pid} is not one of a sandbox; TARGET belongs to a container");
        UserNamespaces.Check(options);
    }

    private static string Printable(string text) => new([.. text.Take(256).Select(c => char.IsControl(c) ? '?' : c)]);
}
