using System.Globalization;
using System.Text;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Execs;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Runc;
using ShimRuntime.Shim.Session.Remote;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Session.Exec;

/// <summary>
/// One interactive exec: the client's streams → <c>runc exec</c> in a cgroup of its own → the process, ours by adoption → its exit and
/// the end of its output → the status.
/// A client that goes first: the process sees its stdin end (or its terminal hang up) and its output closed; what is left of its
/// tree after <see cref="Grace"/> is killed.
/// </summary>
internal sealed class ExecSession : IDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <summary>How long output may lag behind the exit when something it left behind holds the pipes open.</summary>
    private static readonly TimeSpan DrainDeadline = TimeSpan.FromSeconds(2);

    /// <summary>A client with a terminal sends its size at once; one without never does.</summary>
    private static readonly TimeSpan FirstSizePatience = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan RemovalInterval = TimeSpan.FromMilliseconds(50);
    private const int MaxRemovals = 100;
    private readonly SessionHost _host;
    private readonly ExecTarget _target;
    private readonly RemoteConnection _client;
    private readonly ExecCgroup _cgroup;
    private readonly RuncDriver _driver;
    private readonly LoopTimer _firstSize;
    private readonly LoopTimer _drain;
    private readonly LoopTimer _grace;
    private readonly LoopTimer _removal;
    private readonly (string ProcessJson, string PidFile) _files;
    private ExecStdio? _stdio;
    private RuncCall? _runc;
    private WatchedChild? _process;
    private ExitCode? _exit;
    private bool _gone;
    private bool _done;
    private bool _cgroupGone;
    private int _removals;
    private (ushort Columns, ushort Rows) _size;

    public ExecSession(SessionHost host, ExecTarget target)
    {
        (_host, _target) = (host, target);
        _files = ($"{host.Directory}/process.json", $"{host.Directory}/pid");
        _cgroup = new ExecCgroup(CgroupHierarchy.Detect(), target.LeafCgroup, $"session-{host.Id}");
        _driver = new RuncDriver(host.Loop, host.Reaper,
            new RuncSettings(target.RuncPath, target.RuncRoot, target.RuncArguments, target.RuncId, $"{host.Directory}/runc"));
        _client = new RemoteConnection(host, target.Streams) 
        {
            OnReady = Ready, OnResize = Resize, OnGone = ClientGone, OnStdinEnd = target.Streams.Tty ? Terminal.TypeEndOfFile : null,
        };
        _firstSize = host.Loop.CreateTimer(Launch);
        _drain = host.Loop.CreateTimer(DrainDeadlinePassed);
        _grace = host.Loop.CreateTimer(Kill);
        _removal = host.Loop.CreateTimer(RemoveCgroup);
    }

    public void Start() => _client.Open();

    public void Dispose()
    {
        _stdio?.Dispose();
        _client.Dispose();
    }

    private void Ready()
    {
        _stdio = new ExecStdio(_host, _client, _target, _size) { OnEnded = TryFinish };
        if (_client.HasResize && _size == default) _firstSize.Set(FirstSizePatience);
        else Launch();
    }

    private void Resize(ushort columns, ushort rows)
    {
        _size = (columns, rows);
        _stdio?.Resize(columns, rows);
        if (!_firstSize.IsSet) return;
        _firstSize.Clear();
        Launch();
    }

    private void Launch()
    {
        try
        {
            DurableFile.WriteVolatile(_files.ProcessJson, ProcessJson());
        }
        catch (LinuxException e)
        {
            NotStarted(e.Message);
            return;
        }

        _host.Reaper.ExpectOrphan();
        _runc = _driver.Exec(_files, (_cgroup.RuncArgument, _stdio!.ConsoleSocketPath), _stdio.ChildFds, RuncDone);
        _stdio.CloseChildEnds();
    }

    /// <summary>The terminal's size goes in front: it is there when the process first asks.</summary>
    private ReadOnlySpan<byte> ProcessJson()
    {
        var json = _target.ProcessJson.Span;
        if (_size == default) return json;
        var size = string.Create(CultureInfo.InvariantCulture, $"{{\"consoleSize\":{{\"height\":{_size.Rows},\"width\":{_size.Columns}}},");
        return (byte[])[.. Encoding.ASCII.GetBytes(size), .. json[1..]];
    }

    private void RuncDone(RuncResult result)
    {
        _runc = null;
        // Also after a failure: a runc that we killed may have got as far as starting it.
        var pid = RuncDriver.ReadPid(_files.PidFile);
        if (pid > 0) _process = _host.Reaper.TryAdopt(pid, ProcessExited);
        _host.Reaper.OrphanSettled();
        if (_process is null)
        {
            NotStarted(result.Succeeded ? "its process vanished" : result.Error);
            return;
        }

        _stdio!.StartPumping();
        if (_gone && !_grace.IsSet) Kill(); // it slipped through between runc's end and our signal
    }

    private void NotStarted(string cause)
    {
        _client.Fail($"error executing command in container: failed to exec in container: {cause}");
        _cgroup.Kill(0);
        EndProcess();
    }

    private void ProcessExited(ExitCode exit)
    {
        _exit = exit;
        if (_gone)
        {
            _cgroup.Kill(0);
            EndProcess();
            return;
        }

        _drain.Set(DrainDeadline);
        TryFinish();
    }

    /// <summary>A client that is slow gets the time that it takes; a stranger that holds the output open does not.</summary>
    private void DrainDeadlinePassed()
    {
        if (_stdio!.IsPaused) _drain.Set(DrainDeadline);
        else _stdio.EndNow();
    }

    private void TryFinish()
    {
        if (_gone || _exit is not { } exit || !_stdio!.HasEnded) return;
        _client.Exit(exit.Code);
        _cgroup.Release();
        EndProcess();
    }

    private void ClientGone()
    {
        if (_done)
        {
            EndIfAllGone();
            return;
        }

        _gone = true;
        _firstSize.Clear();
        _stdio?.Dispose();
        if (_process is null && _runc is null) EndProcess();
        else if (_exit is not null) ProcessExited(_exit.Value);
        else _grace.Set(Grace);
    }

    private void Kill()
    {
        _runc?.Kill("the client has gone");
        _cgroup.Kill(_process?.Pid ?? 0);
        _process?.Signal(9);
    }

    /// <summary>Nothing of the process is ours any more, save its cgroup.</summary>
    private void EndProcess()
    {
        _done = true;
        _drain.Clear();
        _grace.Clear();
        _stdio?.Dispose();
        RemoveCgroup();
    }

    private void RemoveCgroup()
    {
        if (!_cgroup.TryRemove() && ++_removals < MaxRemovals)
        {
            _removal.Set(RemovalInterval);
            return;
        }

        // A process in uninterruptible sleep may take for ever: its cgroup then goes with the leaf.
        _cgroupGone = true;
        EndIfAllGone();
    }

    private void EndIfAllGone()
    {
        if (_cgroupGone && _host.Socket.HasEnded) _host.End();
    }
}
