using ShimRuntime.Linux;
using ShimRuntime.Shim.Serving;
using ShimRuntime.Shim.Session.Attach;
using ShimRuntime.Shim.Session.Exec;
using ShimRuntime.Shim.Session.Forward;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Session;

/// <summary>
/// <c>shimruntime-shim session &lt;directory&gt;</c>: one client of Exec, Attach or PortForward. Reads its launch from fd 3, answers the HTTP
/// request that the daemon has read from the socket at fd 4, and serves until either side ends. The daemon may end meanwhile. (The
/// directory is an argument so that ps(1) shows whose session it is.)
/// </summary>
internal static class SessionProcess
{
    private const int LaunchFd = 3;
    private const int SocketFd = 4;

    public static int Run()
    {
        using var loop = new EpollLoop(e => ErrorLog.Write($"failed to handle an event of a session: {e}"));
        try
        {
            ProcessSetup.Apply();
            var launch = LaunchFile.ReadSession(LaunchFd);
            var launchFd = LaunchFd;
            FileDescriptor.Close(ref launchFd);
            using var host = new SessionHost(loop, launch, SocketFd);
            using var session = Start(host, launch);
            host.Socket.Feed(launch.Request.Rest.Span);
            loop.Run();
            return 0;
        }
        catch (Exception e)
        {
            // The edge of the process: its client sees the connection end, its daemon reads this line.
            ErrorLog.Write($"failed to serve a session: {e}");
            return 1;
        }
    }

    private static IDisposable Start(SessionHost host, SessionLaunch launch)
    {
        switch (launch.TargetCase)
        {
            case SessionLaunch.TargetOneofCase.Exec:
                var exec = new ExecSession(host, launch.Exec);
                exec.Start();
                return exec;
            case SessionLaunch.TargetOneofCase.Attach:
                var attach = new AttachSession(host, launch.Attach);
                attach.Start();
                return attach;
            case SessionLaunch.TargetOneofCase.PortForward:
                var forward = new PortForwardSession(host, launch.PortForward);
                forward.Start();
                return forward;
            default:
                throw RuntimeFault.InvalidArgument("fd 3 holds a session without a target");
        }
    }
}
