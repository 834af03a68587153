using System.Text;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Session.Wire;

/// <summary>The answer to the client's HTTP/1.1 request: a change of protocol, or a refusal.</summary>
internal static class HttpAnswer
{
    /// <param name="protocol">The agreed X-Stream-Protocol-Version or Sec-WebSocket-Protocol; empty: none was asked for.</param>
    public static void Upgrade(ITransport socket, UpgradeRequest request, string protocol)
    {
        var head = new StringBuilder("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n");
        if (request.Websocket)
        {
            head.Append("Upgrade: websocket\r\nSec-WebSocket-Accept: ").Append(request.WebsocketAccept).Append("\r\n");
            if (protocol.Length > 0) head.Append("Sec-WebSocket-Protocol: ").Append(protocol).Append("\r\n");
        }
        else
        {
            head.Append("Upgrade: SPDY/3.1\r\n");
            if (protocol.Length > 0) head.Append("X-Stream-Protocol-Version: ").Append(protocol).Append("\r\n");
        }

        socket.Write(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), []);
    }

    /// <summary>403 with what would have been right, as kubelet answers it.</summary>
    public static void RefuseProtocol(ITransport socket, IEnumerable<string> offered, IEnumerable<string> ours)
    {
        var list = ours.ToArray();
        var text = $"unable to upgrade: unable to negotiate protocol: client supports [{string.Join(' ', offered)}], "
            + $"server accepts [{string.Join(' ', list)}]\n";
        var body = Encoding.UTF8.GetBytes(text);
        var head = new StringBuilder("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n");
        foreach (var protocol in list) head.Append("X-Accepted-Stream-Protocol-Versions: ").Append(protocol).Append("\r\n");
        head.Append("Content-Length: ").Append(body.Length).Append("\r\n\r\n");
        socket.Write(Encoding.ASCII.GetBytes(head.ToString()), body);
        socket.CloseWhenFlushed();
    }
}
