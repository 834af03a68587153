using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Serving;
using ShimRuntime.Shim.Session.Wire;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Session;

/// <summary>What every session has: the loop, its children, the client's socket, a directory of its own. Ends the process.</summary>
internal sealed class SessionHost : IDisposable
{
    private readonly SessionLaunch _launch;

    public SessionHost(EpollLoop loop, SessionLaunch launch, int socket)
    {
        (Loop, _launch) = (loop, launch);
        Reaper = new Reaper(loop);
        Socket = new ClientSocket(loop, socket, Buffer);
    }

    public EpollLoop Loop { get; }

    public Reaper Reaper { get; }

    public ReadBuffer Buffer { get; } = new();

    public ClientSocket Socket { get; }

    public UpgradeRequest Request => _launch.Request;

    /// <summary>16 hex digits.</summary>
    public string Id => _launch.Id;

    public string Directory => _launch.Directory;

    /// <summary>To the daemon's own standard error.</summary>
    public void Log(string message) => ErrorLog.Write($"session {_launch.Id}: {message}");

    /// <summary>Takes the session's files away and leaves the loop.</summary>
    public void End()
    {
        try
        {
            if (System.IO.Directory.Exists(_launch.Directory)) System.IO.Directory.Delete(_launch.Directory, true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log($"failed to delete '{_launch.Directory}': {e.Message}");
        }

        Loop.Stop();
    }

    public void Dispose()
    {
        Socket.Dispose();
        Reaper.Dispose();
        Buffer.Dispose();
    }
}
