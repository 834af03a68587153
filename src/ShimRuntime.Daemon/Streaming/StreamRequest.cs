using System.Net;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using ShimRuntime.Runtime.Streaming;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Daemon.Streaming;

/// <summary>
/// What a request for a stream must be. Who connects by himself must call us by a loopback name: a page in a browser on this machine,
/// whose name was made to point here (DNS rebinding), does not, and shows an Origin besides. kubelet passes its own client's request
/// on, Host and Origin included, and adds X-Forwarded-For, which no page can make a browser send with a WebSocket: such a
/// request may have any. (The token is the key in every case.)
/// </summary>
internal sealed record StreamRequest(string Kind, string Token, UpgradeRequest Upgrade)
{
    private const string WebSocketGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, 1.3
    private static readonly string[] Kinds = [StreamTicket.Exec, StreamTicket.Attach, StreamTicket.PortForward];

    /// <param name="rest">What came after the head.</param>
    /// <exception cref="HttpRefusal">With the status and a sentence for the client.</exception>
    public static StreamRequest From(RequestHead head, IPEndPoint listener, ReadOnlySpan<byte> rest)
    {
        CheckSender(head, listener);
        var parts = head.Path.Split('/');
        if (parts is not ["", var kind, { Length: > 0 } token] || !Kinds.Contains(kind)) throw new HttpRefusal(404, "there is no such stream");
        if (head.Method is not ("GET" or "POST")) throw new HttpRefusal(405, $"the method is {head.Method}; use GET or POST");
        if (head.Single("Content-Length") is not (null or "0") || head.Values("Transfer-Encoding").Count > 0)
            throw new HttpRefusal(400, "a request for a stream has no body");
        var upgrade = Protocol(head);
        upgrade.Rest = ByteString.CopyFrom(rest);
        return new StreamRequest(kind, token, upgrade);
    }

    private static void CheckSender(RequestHead head, IPEndPoint listener)
    {
        var host = head.Single("Host") ?? throw new HttpRefusal(400, "the request has no Host");
        if (head.Values("X-Forwarded-For").Count > 0) return;
        var own = new[] { $"{listener}", $"localhost:{listener.Port}", $"127.0.0.1:{listener.Port}", $"[::1]:{listener.Port}" };
        if (!own.Contains(host, StringComparer.OrdinalIgnoreCase)) throw new HttpRefusal(403, $"host '{host}' is not served here");
        if (head.Values("Origin").Count > 0) throw new HttpRefusal(403, "pages of a browser are not served here");
    }

    private static UpgradeRequest Protocol(RequestHead head)
    {
        var asked = head.Values("Upgrade");
        if (!head.Values("Connection").Contains("upgrade", StringComparer.OrdinalIgnoreCase)) asked = [];
        if (asked.Contains("SPDY/3.1", StringComparer.OrdinalIgnoreCase))
            return new UpgradeRequest { StreamProtocols = { head.Values("X-Stream-Protocol-Version") } };
        if (!asked.Contains("websocket", StringComparer.OrdinalIgnoreCase))
            throw new HttpRefusal(400, "unable to upgrade: ask for SPDY/3.1 or websocket with the Connection and Upgrade fields");
        var key = head.Single("Sec-WebSocket-Key");
        if (head.Method != "GET" || head.Single("Sec-WebSocket-Version") != "13" || string.IsNullOrEmpty(key))
            throw new HttpRefusal(400, "a WebSocket is asked for by GET, in version 13, with a key");
        return new UpgradeRequest
        {
            Websocket = true,
            WebsocketAccept = Accept(key),
            WebsocketProtocols = { head.Values("Sec-WebSocket-Protocol") },
        };
    }

    /// <summary>RFC 6455, section 4.2.2: proof that the handshake was read, nothing secret.</summary>
#pragma warning disable CA5350 // The protocol says SHA-1.
    private static string Accept(string key) => Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + WebSocketGuid)));
#pragma warning restore CA5350
}
