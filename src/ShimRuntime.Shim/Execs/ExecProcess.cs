using ShimRuntime.Linux;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Runc;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Execs;

/// <summary>
/// One ExecSync: runc exec → the process, ours by adoption → its exit and the end of its output → the answer. A timeout, a caller that
/// leaves, or <see cref="Kill"/> ends its whole tree at any of these points.
/// </summary>
internal sealed partial class ExecProcess : IDisposable
{
    /// <summary>How long output may lag behind the exit when something it left behind holds the pipes open.</summary>
    private static readonly TimeSpan DrainDeadline = TimeSpan.FromSeconds(2);
    private readonly ExecContext _context;
    private readonly IExecClient _client;
    private readonly ExecCgroup _cgroup;
    private readonly (string ProcessJson, string PidFile) _files;
    private readonly LoopTimer _timeout;
    private readonly LoopTimer _drain;
    private readonly Action<ExecProcess> _onDone;
    private ExecPump? _stdout;
    private ExecPump? _stderr;
    private RuncCall? _runc;
    private WatchedChild? _process;
    private ExitCode? _exit;
    private bool _timedOut;
    private bool _killed;
    private bool _done;

    public ExecProcess(ExecContext context, IExecClient client, int number, Action<ExecProcess> onDone)
        : this(context, client, number, (onDone, new ExecCgroup(context.Hierarchy, context.Leaf, $"exec-{number}")))
    {
    }

    private ExecProcess(ExecContext context, IExecClient client, int number, (Action<ExecProcess> OnDone, ExecCgroup Cgroup) parts)
    {
        (_context, _client, Number) = (context, client, number);
        (_onDone, _cgroup) = parts;
        _files = ($"{context.Bundle}/exec-{number}.json", $"{context.Bundle}/exec-{number}.pid");
        _timeout = context.Loop.CreateTimer(TimedOut);
        _drain = context.Loop.CreateTimer(FinishUndrained);
    }

    public int Number { get; }

    public void Start(ExecSyncRequest request)
    {
        DurableFile.WriteVolatile(_files.ProcessJson, request.ProcessJson.Span);
        var (stdout, stderr) = (-1, -1);
        try
        {
            _stdout = OpenPump(false, request.MaxOutputBytes, out stdout);
            _stderr = OpenPump(true, request.MaxOutputBytes, out stderr);
            _client.OnAbandoned = Kill;
            _client.OnDrained = Resume;
            if (request.TimeoutMilliseconds > 0)
                _timeout.Set(TimeSpan.FromMilliseconds(Math.Min(request.TimeoutMilliseconds, int.MaxValue)));
            _context.Reaper.ExpectOrphan();
            _runc = _context.Runc.Exec(
                _files, (_cgroup.RuncArgument, null), [new FdMapping(stdout, 1), new FdMapping(stderr, 2)], RuncDone);
        }
        finally
        {
            FileDescriptor.Close(ref stdout);
            FileDescriptor.Close(ref stderr);
        }
    }

    /// <summary>Lets go of everything; for an exec whose <see cref="Start"/> has thrown. Others do so by themselves.</summary>
    public void Dispose()
    {
        DeleteFiles();
        Finish();
    }

    /// <summary>Ends the whole tree; the answer, if anybody waits for it, follows from the exit.</summary>
    public void Kill()
    {
        if (_done) return;
        _killed = true;
        _runc?.Kill("the exec was cancelled");
        _cgroup.Kill(_process?.Pid ?? 0);
        _process?.Signal(9);
    }

    /// <summary>True once nothing of it is left in the cgroup tree.</summary>
    public bool TryRemoveCgroup() => _cgroup.TryRemove();

    /// <param name="write">The end for the process, to be closed here once it has its copy.</param>
    private ExecPump OpenPump(bool stderr, ulong maxBytes, out int write)
    {
        write = -1;
        var pipe = FileDescriptor.CreatePipe(_context.StdioOwner);
        write = pipe.Write;
        return new ExecPump(_context.Loop, (pipe.Read, stderr), (_client, _context.Buffer), maxBytes, TryFinish);
    }

    private void TimedOut()
    {
        _timedOut = true;
        Kill();
    }

    private void RuncDone(RuncResult result)
    {
        _runc = null;
        // Also after a failure: a runc that we killed may have got as far as starting it.
        var pid = RuncDriver.ReadPid(_files.PidFile);
        DeleteFiles(); // now, not behind the answer: who has that may look for what is left
        var error = result.Succeeded ? "its process vanished" : result.Error;
        try
        {
            if (pid > 0) _process = _context.Reaper.TryAdopt(pid, ProcessExited);
        }
        catch (LinuxException e)
        {
            (error, _killed) = ($"its process can't be watched: {e.Message}", true);
        }

        _context.Reaper.OrphanSettled();
        if (_process is null) Refused(error);
        else if (_killed) Kill(); // it slipped through between runc's end and our signal
    }

    private void Refused(string error)
    {
        if (_killed) _cgroup.Kill(0); // what runc had begun
        if (_timedOut) _client.Finish(new ExecSyncResult { ExitCode = 128 + 9, TimedOut = true });
        else _client.Fail(FaultNow(), $"failed to exec in container: {error}");
        Finish();
    }

    private FaultCode FaultNow() => _context.IsRunning() ? FaultCode.InvalidArgument : FaultCode.FailedPrecondition;

    private void ProcessExited(ExitCode exit)
    {
        _exit = exit;
        _timeout.Clear();
        _drain.Set(DrainDeadline);
        TryFinish();
    }

    private void FinishUndrained()
    {
        _stdout!.EndNow();
        _stderr!.EndNow();
        TryFinish();
    }

    private void Resume()
    {
        _stdout?.Resume();
        _stderr?.Resume();
    }

    private void TryFinish()
    {
        if (_done || _exit is not { } exit || !_stdout!.HasEnded || !_stderr!.HasEnded) return;
        var result = new ExecSyncResult { ExitCode = exit.Code, TimedOut = _timedOut, Truncated = _stdout.Truncated || _stderr.Truncated };
        _client.Finish(result);
        Finish();
    }

    private void Finish()
    {
        if (_done) return;
        _done = true;
        _timeout.Clear();
        _drain.Clear();
        _stdout?.Dispose();
        _stderr?.Dispose();
        if (_killed) _cgroup.Kill(0);
        else _cgroup.Release();
        _onDone(this);
    }

    private void DeleteFiles()
    {
        ScratchFile.Delete(_files.ProcessJson);
        ScratchFile.Delete(_files.PidFile);
    }
}
