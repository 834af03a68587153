using System.Globalization;

namespace ShimRuntime.Shim.Session.Forward;

/// <summary>What a client of port forwarding reads when a connection can't be made: kubelet's frame around containerd's sentence.</summary>
internal static class ForwardText
{
    public static string Failure(int port, (string Sandbox, string NetworkNamespace) pod, (string V4, string V6) causes)
    {
        var place = pod.NetworkNamespace.Length > 0 ? pod.NetworkNamespace : "host";
        return string.Create(CultureInfo.InvariantCulture,
            $"error forwarding port {port} to pod {pod.Sandbox}, uid : failed to execute portforward in network namespace \"{place}\": "
            + $"failed to connect to localhost:{port} inside namespace \"{place}\", IPv4: dial tcp4 127.0.0.1:{port}: connect: {causes.V4} "
            + $"IPv6 dial tcp6 [::1]:{port}: connect: {causes.V6} ");
    }
}
