using ShimRuntime.Linux;
using ShimRuntime.Shim.Containers;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Serving;

/// <summary>
/// <c>shimruntime-shim serve</c>: reads its launch from fd 3, makes the container cgroup, opens the log, listens, closes fd 4 ("ready":
/// EOF without bytes; else a sentence and exit code 1), then serves one container on one thread until Shutdown.
/// </summary>
internal static class Serve
{
    private const int LaunchFd = 3;

    public static int Run()
    {
        var readinessFd = 4;
        try
        {
            using var loop = new EpollLoop(e => ErrorLog.Write($"failed to handle an event: {e}"));
            ProcessSetup.Apply();
            using var container = Open(loop, LaunchFile.Read(LaunchFd));
            var launchFd = LaunchFd;
            FileDescriptor.Close(ref launchFd);
            FileDescriptor.Close(ref readinessFd);
            loop.Run();
            return 0;
        }
        catch (Exception e) when (readinessFd >= 0)
        {
            // The edge of a process that could not start: the sentence is the daemon's answer to its client.
            ErrorLog.WriteRaw(readinessFd, e.Message);
            ErrorLog.Write($"failed to start: {e}");
            return 1;
        }
    }

    private static Container Open(EpollLoop loop, ShimLaunch launch)
    {
        var hierarchy = CgroupHierarchy.Detect();
        var cgroup = new Cgroup(hierarchy, launch.ContainerCgroup);
        var existed = cgroup.Exists;
        LogFile? log = null;
        try
        {
            log = LogFile.Open(launch.LogDirectory, launch.LogPath);
            return Container.Create(loop, new Reaper(loop), launch, hierarchy, log);
        }
        catch
        {
            log?.Dispose();
            if (!existed) cgroup.TryRemove();
            throw;
        }
    }
}
