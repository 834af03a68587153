using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Execs;

/// <content>An exec that another program of this process goes on with.</content>
internal sealed partial class ExecProcess
{
    /// <param name="caller">Null: nobody waits for its end, which is then brought about.</param>
    public static ExecProcess Load(ExecContext context, SavedExec saved, ShimCall? caller, Action<ExecProcess> onDone)
    {
        IExecClient client = caller is null ? new NoCaller() : new ExecCaller(caller);
        var cgroup = ExecCgroup.Inherit(context.Hierarchy, context.Leaf, $"exec-{saved.Number}", saved.HasCgroup);
        var exec = new ExecProcess(context, client, saved.Number, (onDone, cgroup)) { _timedOut = saved.TimedOut, _killed = saved.Killed };
        client.OnAbandoned = exec.Kill;
        client.OnDrained = exec.Resume;
        exec._timeout.DueMilliseconds = saved.TimeoutDue;
        exec._drain.DueMilliseconds = saved.DrainDue;
        exec._stdout = new ExecPump(context.Loop, saved.Stdout, false, (client, context.Buffer), exec.TryFinish);
        exec._stderr = new ExecPump(context.Loop, saved.Stderr, true, (client, context.Buffer), exec.TryFinish);
        exec.LoadProcesses(saved);
        if (caller is null) context.Loop.Post(exec.Kill);
        return exec;
    }

    /// <summary>One of which only the cgroup may be left.</summary>
    public static ExecProcess Ended(ExecContext context, int number) =>
        new(context, new NoCaller(), number, (_ => { }, ExecCgroup.Inherit(context.Hierarchy, context.Leaf, $"exec-{number}", true))) { _done = true };

    public SavedExec Save(StateWriter writer) => new()
    {
        Number = Number,
        Caller = _client.Call?.Save(),
        HasCgroup = _cgroup.IsMade,
        TimeoutDue = _timeout.DueMilliseconds,
        DrainDue = _drain.DueMilliseconds,
        Stdout = _stdout!.Save(writer),
        Stderr = _stderr!.Save(writer),
        Runc = _runc?.Save(SavedRunc.Types.Then.Exec),
        Process = _process is { HasExited: false } process ? new SavedProcess { Pid = process.Pid } : null,
        Exit = _exit is { } exit ? SavedRecords.Save(exit) : null,
        TimedOut = _timedOut,
        Killed = _killed,
    };

    private void LoadProcesses(SavedExec saved)
    {
        if (saved.Exit is { } exit) _exit = SavedRecords.Load(exit);
        if (saved.Process is { } process) _process = _context.Reaper.Resume(process.Pid, ProcessExited);
        if (saved.Runc is not { } runc) return;
        _context.Reaper.ExpectOrphan();
        _runc = _context.Runc.Resume(runc, RuncDone);
    }
}
