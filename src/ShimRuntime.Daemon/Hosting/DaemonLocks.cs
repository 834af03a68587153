using ShimRuntime.Daemon.Configuration;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>Both directories of ours, held by one daemon.</summary>
internal sealed class DaemonLocks : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);
    private readonly DirectoryLock _root;
    private readonly DirectoryLock _state;

    private DaemonLocks(DirectoryLock root, DirectoryLock state) => (_root, _state) = (root, state);

    /// <exception cref="RuntimeFault">FailedPrecondition: another daemon has one of them.</exception>
    public static DaemonLocks Take(DaemonConfig config)
    {
        var root = DirectoryLock.Take(config.Root, "--root");
        try
        {
            return new DaemonLocks(root, DirectoryLock.Take(config.State, "--state"));
        }
        catch
        {
            root.Dispose();
            throw;
        }
    }

    /// <summary>From a daemon that gives them up just now.</summary>
    public static async Task<DaemonLocks> TakeFreedAsync(DaemonConfig config)
    {
        for (var deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds; ;)
        {
            try
            {
                return Take(config);
            }
            catch (RuntimeFault) when (Environment.TickCount64 < deadline)
            {
                await Task.Delay(Pause);
            }
        }
    }

    public void Dispose()
    {
        _state.Dispose();
        _root.Dispose();
    }
}
