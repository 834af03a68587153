using ShimRuntime.Daemon.Configuration;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Doctor;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>Both directories of ours, held by one daemon.</summary>
internal sealed class DaemonLocks : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);
    private readonly Lock _change = new();
    private readonly string[] _directories;
    private readonly DirectoryLock[] _locks;

    private DaemonLocks(DaemonConfig config, DirectoryLock root, DirectoryLock state) => (_directories, _locks) = ([config.Root, config.State], [root, state]);

    /// <exception cref="RuntimeFault">FailedPrecondition: another daemon has one of them.</exception>
    public static DaemonLocks Take(DaemonConfig config)
    {
        var root = DirectoryLock.Take(config.Root, "--root");
        try
        {
            return new DaemonLocks(config, root, DirectoryLock.Take(config.State, "--state"));
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

    /// <summary>A lock file that is not the one any more that this daemon has locked keeps nobody else out.</summary>
    public IReadOnlyList<Finding> Examine(bool fix)
    {
        lock (_change) return [.. Enumerable.Range(0, _locks.Length).Select(i => Examine(i, fix)).OfType<Finding>()];
    }

    public void Dispose()
    {
        for (var i = _locks.Length - 1; i >= 0; i--) _locks[i].Dispose();
    }

    private Finding? Examine(int index, bool fix)
    {
        var held = _locks[index];
        var isInPlace = held.IsInPlace;
        if (isInPlace && held.Signature == $"{Environment.ProcessId}") return null;
        var finding = new Finding
        {
            Kind = "lock",
            Subject = held.Path,
            NamedBy = $"the lock that this daemon, pid {Environment.ProcessId}, holds",
            Why = isInPlace ? $"it names pid {held.Signature}, which is not the daemon that serves from here" : "it was deleted or replaced: a second daemon on this directory would not be refused",
            Remedy = isInPlace ? "the pid is written again" : "the file that is there now is locked, too, and the old one let go",
        };
        return fix ? Fixed(index, isInPlace, finding) : finding;
    }

    private Finding Fixed(int index, bool isInPlace, Finding finding)
    {
        try
        {
            if (isInPlace) _locks[index].Sign();
            else Replace(index);
            return finding with { Outcome = FindingOutcome.Fixed };
        }
        catch (Exception e) when (e is RuntimeFault or IOException)
        {
            return finding with { Outcome = FindingOutcome.Left, Error = e.Message };
        }
    }

    private void Replace(int index)
    {
        var next = DirectoryLock.Take(_directories[index], index == 0 ? "--root" : "--state");
        _locks[index].Dispose();
        _locks[index] = next;
    }
}
