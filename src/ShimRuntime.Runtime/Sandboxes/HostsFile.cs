using System.Text;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>What a pod sees as /etc/hosts when nobody mounts one: a copy of the node's, as other CRI runtimes give.</summary>
internal static class HostsFile
{
    private const string Node = "/etc/hosts";
    private const int MaxBytes = 1024 * 1024;
    private static readonly byte[] Loopback = Encoding.ASCII.GetBytes("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");

    /// <summary>The node's file; loopback names alone where it has none, or one that is no hosts file by its size.</summary>
    public static byte[] OfTheNode() => Read(Node);

    internal static byte[] Read(string path)
    {
        var file = new FileInfo(path);
        return file.Exists && file.Length is > 0 and <= MaxBytes ? File.ReadAllBytes(path) : Loopback;
    }
}
