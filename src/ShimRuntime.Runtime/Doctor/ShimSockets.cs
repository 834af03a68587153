using System.Globalization;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>Shims found by the socket that they listen on (proc_net(5), unix): the path tells the container, also when directory and shim.json are gone.</summary>
internal static class ShimSockets
{
    private const string Listening = "00010000"; // __SO_ACCEPTCON
    private const string SocketName = "shim.sock";
    private const int MostDescriptors = 4096;

    /// <summary>Inodes of listening sockets by the name of their run directory.</summary>
    public static ILookup<string, ulong> Read(ContainerPaths paths)
    {
        var prefix = paths.AllVolatile + "/";
        return File.ReadLines("/proc/net/unix")
            .Select(line => line.Split(' ', 8, StringSplitOptions.RemoveEmptyEntries))
            .Where(f => f is [_, _, _, Listening, _, _, _, _] && f[7].StartsWith(prefix, StringComparison.Ordinal))
            .Select(f => (Path: f[7][prefix.Length..].Split('/'), Inode: f[6]))
            .Where(s => s.Path is [_, SocketName])
            .ToLookup(s => s.Path[0], s => ulong.Parse(s.Inode, CultureInfo.InvariantCulture));
    }

    /// <summary>Who holds one of them.</summary>
    public static IEnumerable<ProcessIdentity> Holders(IReadOnlyCollection<ulong> inodes)
    {
        if (inodes.Count == 0) yield break;
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)) continue;
            if (ProcessIdentity.TryRead(pid) is { } identity && Holds(pid, inodes)) yield return identity;
        }
    }

    private static bool Holds(int pid, IReadOnlyCollection<ulong> inodes)
    {
        try
        {
            return ProcessSockets.Of(pid, MostDescriptors, out _).Any(s => inodes.Contains(s.Inode));
        }
        catch (LinuxException)
        {
            return false; // ended, or not to be looked into
        }
    }
}
