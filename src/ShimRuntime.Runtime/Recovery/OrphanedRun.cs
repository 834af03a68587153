using System.Text.Json;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Cgroups;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Recovery;

/// <summary>A run directory that no container's record names: its shim is ended, what runs is killed, mounts and files go. Each step may find its work done.</summary>
internal static class OrphanedRun
{
    public static async Task RemoveAsync(ContainerParts parts, string directory, CancellationToken cancellation)
    {
        await ShimEnd.ByDirectoryAsync(directory, cancellation).ConfigureAwait(false);
        if (CgroupOf(directory) is { } cgroup)
        {
            await parts.Killer.KillAsync(cgroup, cancellation).ConfigureAwait(false);
            await parts.Cgroups.TryRemoveAsync(cgroup, cancellation).ConfigureAwait(false);
        }

        parts.Leftovers.RemoveRun(Path.GetFileName(directory));
    }

    /// <summary>The container cgroup, from the bundle that we wrote ourselves; null when it was not written, or is torn.</summary>
    public static string? CgroupOf(string directory)
    {
        if (!Directory.Exists(directory)) return null;
        var bundle = Directory.EnumerateDirectories(directory, "g*").Order(StringComparer.Ordinal).LastOrDefault();
        if (bundle is null) return null;
        try
        {
            using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(bundle, "config.json")));
            var leaf = CgroupNames.FromOciPath(config.RootElement.GetProperty("linux").GetProperty("cgroupsPath").GetString() ?? "");
            return leaf is null ? null : CgroupPath.Parent(leaf);
        }
        catch (Exception e) when (e is IOException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}
