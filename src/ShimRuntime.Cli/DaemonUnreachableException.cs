using System.Net.Sockets;

namespace ShimRuntime.Cli;

/// <summary>No daemon answers on the socket: says why and what to do.</summary>
internal sealed class DaemonUnreachableException(string path, SocketError error) : Exception(Explain(path, error))
{
    private static string Explain(string path, SocketError error) => error switch
    {
        SocketError.AccessDenied => $"may not open '{path}': permission denied; run shimctl as root",
        SocketError.ConnectionRefused => $"nobody listens on '{path}': the daemon is not running; start it (systemctl start shimruntime, or make run)",
        _ => $"cannot reach the daemon on '{path}' ({error}); is shimruntimed running? Give another socket with --endpoint or ${GlobalOptions.EndpointVariable}",
    };
}
