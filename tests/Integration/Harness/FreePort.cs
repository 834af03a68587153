using System.Net;
using System.Net.Sockets;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>TCP ports on loopback that nobody listens on.</summary>
public static class FreePort
{
    private static readonly HashSet<int> Given = [];

    /// <summary>A port that the kernel just gave and that this process has not handed out before.</summary>
    public static int Next()
    {
        while (true)
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            var port = ((IPEndPoint)listener.LocalEndpoint).Port;
            lock (Given)
            {
                if (Given.Add(port)) return port;
            }
        }
    }
}
