using System.Net;

namespace ShimRuntime.Runtime.Networking;

/// <summary>
/// One address that CNI's host-local plugin has given out: a file &lt;dataDir&gt;/&lt;network&gt;/&lt;address&gt; whose lines are the container id and the
/// interface (plugins/ipam/host-local/backend/disk).
/// </summary>
internal sealed record HostLocalLease(string DataDirectory, string Network, IPAddress Address, string ContainerId, string Interface)
{
    public const string DefaultDirectory = "/var/lib/cni/networks";

    public string Path => System.IO.Path.Combine(DataDirectory, Network, Address.ToString());

    /// <summary>All below a data directory, whoever's.</summary>
    public static IEnumerable<HostLocalLease> Read(string dataDirectory)
    {
        if (!Directory.Exists(dataDirectory)) yield break;
        foreach (var network in Directory.EnumerateDirectories(dataDirectory))
        {
            foreach (var file in Directory.EnumerateFiles(network))
            {
                if (TryRead(dataDirectory, System.IO.Path.GetFileName(network), file) is { } lease) yield return lease;
            }
        }
    }

    private static HostLocalLease? TryRead(string dataDirectory, string network, string file)
    {
        // The others there are its lock and what it gave out last.
        if (!IPAddress.TryParse(System.IO.Path.GetFileName(file), out var address)) return null;
        try
        {
            return File.ReadAllLines(file) is [{ Length: > 0 } id, .. var rest]
                ? new HostLocalLease(dataDirectory, network, address, id.Trim(), rest is [var name, ..] ? name.Trim() : "")
                : null;
        }
        catch (IOException)
        {
            return null; // released meanwhile
        }
    }
}
