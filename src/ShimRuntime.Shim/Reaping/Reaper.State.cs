using ShimRuntime.Linux;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Reaping;

/// <content>Children that another program of this process has started: they are ours, for they are the process's.</content>
internal sealed partial class Reaper
{
    /// <summary>Exits that were reaped and not asked for yet. Who is watched is saved by those who watch.</summary>
    public IEnumerable<SavedOrphan> Save() => _unclaimed.Select(u => new SavedOrphan { Pid = u.Key, Exit = SavedRecords.Save(u.Value) });

    public void Load(IEnumerable<SavedOrphan> unclaimed)
    {
        foreach (var orphan in unclaimed) _unclaimed[orphan.Pid] = SavedRecords.Load(orphan.Exit);
    }

    /// <summary>Goes on watching a child; one that has ended meanwhile is told by the loop.</summary>
    /// <exception cref="RuntimeFault">Internal: it is no child of ours.</exception>
    public WatchedChild Resume(int pid, Action<ExitCode> onExit)
    {
        // Nobody but us reaps it, so its pid is its own.
        if (!ChildProcesses.IsChild(pid) || SafePidFd.TryOpen(pid) is not { } pidFd) throw RuntimeFault.Internal($"process {pid} is no child of this shim");
        return Watch(pid, pidFd, onExit);
    }
}
