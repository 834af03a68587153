using System.Text;

namespace ShimRuntime.Runtime;

/// <summary>
/// Names, namespaces and uids of pods and containers: what Kubernetes allows, by one rule. They travel in CNI_ARGS (KEY=value;KEY=value), in
/// log lines and in cgroup and file names' neighbourhood.
/// </summary>
internal static class EntityNames
{
    /// <summary>A DNS subdomain, RFC 1123.</summary>
    private const int MaxBytes = 253;

    /// <summary>Null: it is a name. An empty one is judged by the caller.</summary>
    public static string? Problem(string name)
    {
        if (Encoding.UTF8.GetByteCount(name) > MaxBytes) return $"is longer than {MaxBytes} bytes";
        return name.Any(c => char.IsControl(c) || c is ';' or '=') ? "has a control character, ';' or '='" : null;
    }
}
