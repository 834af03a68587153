using ShimRuntime.Linux;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Runc;

/// <summary>
/// One run of runc, from spawn to its reaped exit, with a deadline. Tells its result exactly once, never before the constructor has
/// returned.
/// </summary>
internal sealed class RuncCall
{
    private const int SIGKILL = 9;
    private readonly string _verb;
    private readonly string _log;
    private readonly string _criuLog;
    private readonly TimeSpan _longest;
    private readonly LoopTimer _deadline;
    private readonly Action<RuncResult> _onDone;
    private readonly WatchedChild? _process;
    private string? _killedBecause;

    /// <param name="log">Where runc's --log goes; made anew, deleted at the end.</param>
    public RuncCall(RuncDriver driver, RuncCommand command, string log, TimeSpan deadline, Action<RuncResult> onDone)
    {
        (_verb, _log, _criuLog, _longest, _onDone) = (command.Arguments[0], log, command.CriuLog, deadline, onDone);
        _deadline = driver.Loop.CreateTimer(TimeIsUp);
        ScratchFile.Delete(log);
        try
        {
            _process = driver.Reaper.Spawn(driver.RequestFor(command, log), OnExit);
            _deadline.Set(deadline);
        }
        catch (LinuxException e)
        {
            driver.Loop.Post(() => onDone(new RuncResult(false, $"failed to run runc: {e.Message}")));
        }
    }

    /// <summary>One that another program of this process has begun.</summary>
    public RuncCall(RuncDriver driver, SavedRunc saved, Action<RuncResult> onDone)
    {
        (_verb, _log, _criuLog, _longest, _onDone) = (saved.Verb, saved.Log, saved.CriuLog, TimeSpan.FromSeconds(saved.DeadlineSeconds), onDone);
        _deadline = driver.Loop.CreateTimer(TimeIsUp);
        _deadline.DueMilliseconds = saved.Due;
        _killedBecause = saved.HasKilledBecause ? saved.KilledBecause : null;
        _process = driver.Reaper.Resume(saved.Pid, OnExit);
    }

    public int Pid => _process?.Pid ?? 0;

    public SavedRunc Save(SavedRunc.Types.Then then)
    {
        var saved = new SavedRunc
        {
            Then = then, Pid = Pid, Verb = _verb, Log = _log, CriuLog = _criuLog, Due = _deadline.DueMilliseconds, DeadlineSeconds = (int)_longest.TotalSeconds,
        };
        if (_killedBecause is { } why) saved.KilledBecause = why;
        return saved;
    }

    /// <summary>Ends runc itself; what it has started is the caller's to kill. The result says why.</summary>
    public void Kill(string why)
    {
        _killedBecause ??= why;
        _process?.Signal(SIGKILL);
    }

    private void OnExit(ExitCode exit)
    {
        _deadline.Clear();
        var succeeded = exit is { Code: 0, Signal: 0 };
        var error = succeeded ? "" : _killedBecause ?? RuncLog.LastError(_log) ?? $"runc {_verb} ended with {exit}{WithoutRoom()}";
        ScratchFile.Delete(_log);
        var result = new RuncResult(succeeded, error);
        _onDone(_criuLog.Length == 0 ? result : CriuDirectories.Explain(result, _criuLog));
    }

    private void TimeIsUp() => Kill($"runc {_verb} did not end within {_longest.TotalSeconds:0} s");

    /// <summary>A runc that can't write its state can't write its log either: said by us then.</summary>
    private string WithoutRoom()
    {
        const ulong little = 64 * 1024;
        try
        {
            return FilesystemSpace.Of(Path.GetDirectoryName(_log)!).AvailableBytes < little ? $": no space left beside '{_log}'" : "";
        }
        catch (LinuxException)
        {
            return "";
        }
    }
}
