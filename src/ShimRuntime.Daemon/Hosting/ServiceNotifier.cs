using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Hosting.Systemd;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// Tells the service manager where we are (sd_notify(3)); nothing without NOTIFY_SOCKET. One that does not listen is no reason to fail.
/// </summary>
internal sealed class ServiceNotifier(ILogger log)
{
    public const string Variable = "NOTIFY_SOCKET";

    /// <summary>Read before anybody takes the variable away, as libraries for sd_notify do.</summary>
    public static string? SocketPath { get; } = Environment.GetEnvironmentVariable(Variable);

    private readonly SystemdNotifier _notifier = new();

    /// <summary>And keeps both listeners for the daemon after this one, however this one ends (FDSTORE=1; sd_notify(3)).</summary>
    /// <returns>Whether the CRI socket is in the store: it then outlives this daemon.</returns>
    public bool Ready(int cri, int streams)
    {
        Notify(ServiceState.Ready);
        return Keep(InheritedSockets.CriName, cri) & Keep(InheritedSockets.StreamsName, streams);
    }

    /// <summary>Another process is the daemon now. Only the old one may say so.</summary>
    public void MainProcess(int pid) => Notify(new ServiceState($"MAINPID={pid}"));

    public void Stopping() => Notify(ServiceState.Stopping);

    /// <summary>True where there is a store, and it has the descriptor.</summary>
    private bool Keep(string name, int descriptor)
    {
        if (SocketPath is not { Length: > 0 } path) return false;
        try
        {
            var socket = UnixSocket.ConnectDatagram(path);
            var isKept = UnixSocket.TrySend(socket, Encoding.ASCII.GetBytes($"FDSTORE=1\nFDNAME={name}"), [descriptor]);
            FileDescriptor.Close(ref socket);
            return isKept;
        }
        catch (LinuxException e)
        {
            log.LogWarning("the service manager was not given the socket {Name}: {Cause}", name, e.Message);
            return false;
        }
    }

    private void Notify(ServiceState state)
    {
        try
        {
            _notifier.Notify(state);
        }
        catch (SocketException e)
        {
            log.LogWarning("the service manager could not be told {State}: {Cause}", state, e.Message);
        }
    }
}
