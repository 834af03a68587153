using ShimRuntime.Linux;
using ShimRuntime.Shim.Containers;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Serving;

/// <summary>
/// <c>shimruntime-shim serve</c>: reads its launch from fd 3, makes the container cgroup, opens the log, listens, closes fd 4 ("ready":
/// EOF without bytes; else a sentence and exit code 1), then serves one container on one thread until Shutdown. <c>serve ahead</c> is
/// started before there is a container: it waits at fd 4 for the byte that says that the launch is there, and ends when the daemon goes.
/// </summary>
internal static class Serve
{
    private const int LaunchFd = 3;

    public static int Run(bool ahead)
    {
        var readinessFd = 4;
        try
        {
            using var loop = new EpollLoop(e => ErrorLog.Write($"failed to handle an event: {e}"));
            ProcessSetup.Apply();
            var hierarchy = CgroupHierarchy.Detect();
            if (ahead && !LaunchFile.Await(readinessFd)) return 0;
            var launch = LaunchFile.Read(LaunchFd);
            if (ahead) ErrorLog.Open(launch.RunDirectory);
            using var container = Open(loop, launch, hierarchy);
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

    private static Container Open(EpollLoop loop, ShimLaunch launch, CgroupHierarchy hierarchy)
    {
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
