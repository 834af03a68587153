using ShimRuntime.Linux;
using ShimRuntime.Shim.Reaping;

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
    private readonly LoopTimer _deadline;
    private readonly Action<RuncResult> _onDone;
    private readonly WatchedChild? _process;
    private string? _killedBecause;

    /// <param name="log">Where runc's --log goes; made anew, deleted at the end.</param>
    public RuncCall(RuncDriver driver, RuncCommand command, string log, TimeSpan deadline, Action<RuncResult> onDone)
    {
        (_verb, _log, _onDone) = (command.Arguments[0], log, onDone);
        _deadline = driver.Loop.CreateTimer(() => Kill($"runc {_verb} did not end within {deadline.TotalSeconds:0} s"));
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

    public int Pid => _process?.Pid ?? 0;

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
        _onDone(new RuncResult(succeeded, error));
    }

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
