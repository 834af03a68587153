using System.Text.Json;

namespace ShimRuntime.Daemon.Checks;

/// <summary>Whether there is a network configuration, and its plugins. None is no fault: a network add-on may bring it later.</summary>
internal static class CniCheck
{
    private const string Subject = "cni";
    private static readonly string[] Extensions = [".conflist", ".conf", ".json"];

    public static CheckResult Run(string confDirectory, IReadOnlyList<string> binDirectories)
    {
        var file = Directory.Exists(confDirectory)
            ? Directory.EnumerateFiles(confDirectory).Where(f => Extensions.Contains(Path.GetExtension(f))).Min(StringComparer.Ordinal)
            : null;
        if (file is null)
        {
            return CheckResult.Limited(Subject, $"no configuration in {confDirectory}: until there is one, only pods on the host's network run");
        }

        try
        {
            var missing = PluginTypes(file).Where(t => !binDirectories.Any(d => File.Exists(Path.Combine(d, t)))).ToArray();
            return missing.Length == 0
                ? CheckResult.Fine(Subject, file)
                : CheckResult.Broken(Subject, $"{file} needs {List(missing)}, not in {List(binDirectories)}; install them or set cni_bin_dir");
        }
        catch (Exception e) when (e is JsonException or IOException or InvalidOperationException or KeyNotFoundException)
        {
            return CheckResult.Broken(Subject, $"{file} is no network configuration: {e.Message}");
        }
    }

    private static string List(IEnumerable<string> names) => string.Join(", ", names);

    /// <summary>"type" of every plugin of a list, or of the one plugin; and of its IPAM (CNI SPEC.md, section 1).</summary>
    private static List<string> PluginTypes(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        var root = document.RootElement;
        var types = new List<string>();
        if (root.TryGetProperty("plugins", out var plugins)) types.AddRange(plugins.EnumerateArray().SelectMany(Types));
        else types.AddRange(Types(root));
        return types;
    }

    private static IEnumerable<string> Types(JsonElement plugin)
    {
        yield return plugin.GetProperty("type").GetString() ?? "";
        if (plugin.TryGetProperty("ipam", out var ipam) && ipam.TryGetProperty("type", out var type)) yield return type.GetString() ?? "";
    }
}
