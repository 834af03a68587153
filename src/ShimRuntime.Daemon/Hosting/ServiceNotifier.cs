using System.Net.Sockets;
using Microsoft.Extensions.Hosting.Systemd;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// Tells the service manager where we are (sd_notify(3)); nothing without NOTIFY_SOCKET. One that does not listen is no reason to fail.
/// </summary>
internal sealed class ServiceNotifier(ILogger log)
{
    private readonly SystemdNotifier _notifier = new();

    public void Ready() => Notify(ServiceState.Ready);

    public void Stopping() => Notify(ServiceState.Stopping);

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
