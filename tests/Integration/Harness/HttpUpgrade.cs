using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>One HTTP request by hand, for clients that are to be wrong in a certain way.</summary>
public static class HttpUpgrade
{
    /// <summary>Connects to the URL's host and sends <paramref name="format"/> with {0} its path and {1} its authority; returns the answer's head.</summary>
    public static async Task<(Socket Socket, string Head)> SendAsync(string url, string format)
    {
        var uri = new Uri(url);
        var socket = await ConnectAsync(uri);
        var request = Encoding.ASCII.GetBytes(string.Format(CultureInfo.InvariantCulture, format, uri.AbsolutePath, uri.Authority));
        await socket.SendAsync(request);
        return (socket, await ReadHeadAsync(socket));
    }

    public static async Task<Socket> ConnectAsync(Uri uri)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPEndPoint.Parse(uri.Authority));
        return socket;
    }

    /// <summary>Up to the empty line and not a byte more; what there is when the connection ends first.</summary>
    public static async Task<string> ReadHeadAsync(Socket socket)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        try
        {
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                if (await socket.ReceiveAsync(one.AsMemory()).AsTask().WaitAsync(Eventually.Patience) == 0) break;
                head.Append((char)one[0]);
            }
        }
        catch (SocketException)
        {
            // Reset: the answer is what came before.
        }

        return head.ToString();
    }
}
