using System.Text.RegularExpressions;
using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Bundles;

namespace ShimRuntime.Runtime.Cdi;

/// <summary>Names of CDI: vendor/class=device.</summary>
internal static partial class CdiNames
{
    private const string AnnotationPrefix = "cdi.k8s.io/";
    private const int MaxDevices = 4096;

    /// <summary>
    /// What a container asks for, each once: its CDI_devices, then its own annotations, by which kubelet's device plugins ask. A pod's
    /// annotations are its user's and ask for nothing.
    /// </summary>
    public static IReadOnlyList<string> Asked(ContainerConfig config)
    {
        var names = new List<string>();
        for (var i = 0; i < config.CDIDevices.Count; i++) names.Add(Check(config.CDIDevices[i].Name, $"CDI_devices[{i}].name"));
        foreach (var (key, value) in config.Annotations.OrderBy(a => a.Key, StringComparer.Ordinal))
        {
            if (!key.StartsWith(AnnotationPrefix, StringComparison.Ordinal)) continue;
            foreach (var name in value.Split(',')) names.Add(Check(name, $"annotations['{ContainerPath.Show(key)}']"));
        }

        if (names.Count > MaxDevices) throw Refusal.Invalid("CDI_devices", $"has {names.Count} entries, more than {MaxDevices}");
        return [.. names.Distinct(StringComparer.Ordinal)];
    }

    public static bool IsKind(string text) => Kind().IsMatch(text);

    public static bool IsDevice(string text) => Device().IsMatch(text);

    private static string Check(string name, string field) => Qualified().IsMatch(name)
        ? name
        : throw Refusal.Invalid(field, $"'{ContainerPath.Show(name)}' is no qualified device name such as vendor.com/class=name");

    [GeneratedRegex(@"\A[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?/[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?\z")]
    private static partial Regex Kind();

    [GeneratedRegex(@"\A[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?\z")]
    private static partial Regex Device();

    [GeneratedRegex(@"\A[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?/[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?=[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?\z")]
    private static partial Regex Qualified();
}
