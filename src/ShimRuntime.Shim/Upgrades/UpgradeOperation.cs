using Google.Protobuf;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Containers;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Serving;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.State;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Upgrades;

/// <summary>
/// Another program takes the place of this one in its process.
/// <code>
///   old program                                   new program
///   a copy of the state, as fd 3            --&gt;   child, `validate`: reads it, says "valid ..." at fd 1, ends     (the container is served on)
///   state in a memfd, descriptors kept open
///   execveat of the same descriptor         --&gt;   `serve resumed`: restores everything, then closes the way back, answers, serves
///   `serve returned CAUSE`                  &lt;--   or can't: execveat of the old program, which restores the same state and says so
/// </code>
/// Between the last word of the state and execveat nothing else happens: what comes meanwhile waits in the kernel.
/// </summary>
internal sealed class UpgradeOperation : IDisposable
{
    public const string ProgramName = "shimruntime-shim";
    private const int SIGKILL = 9;
    private const int MaxWordsBytes = 4096;
    private static readonly TimeSpan ValidationTime = TimeSpan.FromSeconds(10);
    private static readonly int[] BlockedSignals = [1, 2, 3, 13, 15, 17]; // as the daemon starts a shim
    private readonly Container _container;
    private readonly EpollLoop _loop;
    private readonly Reaper _reaper;
    private readonly LoopTimer _deadline;
    private ShimCall? _call;
    private WatchedChild? _validator;
    private SafeFileHandle? _words;
    private string _previousVersion = "";
    private bool _timedOut;
    private int _program = -1;
    private int _oldProgram = -1;

    public UpgradeOperation(Container container, EpollLoop loop, Reaper reaper)
    {
        (_container, _loop, _reaper) = (container, loop, reaper);
        _deadline = loop.CreateTimer(TimeIsUp);
    }

    /// <exception cref="RuntimeFault">FailedPrecondition: not now, or this program can't be run. Aborted: it is being written. Nothing has changed then.</exception>
    public void Begin(ShimCall call)
    {
        var program = call.TakeDescriptor();
        try
        {
            if (program < 0) throw RuntimeFault.InvalidArgument("failed to upgrade the shim: no program came with the call");
            if (_call is not null || _validator is not null) throw Refused("another upgrade of it is under way");
            CheckObstacle();
            Validate(program);
        }
        catch (LinuxException e)
        {
            FileDescriptor.Close(ref program);
            throw CantRun(e);
        }
        catch
        {
            FileDescriptor.Close(ref program);
            throw;
        }

        (_call, _program) = (call, program);
        call.OnAbandoned = Abandon;
    }

    public SavedUpgrade Save(StateWriter writer) => new() { Call = _call?.Save(), OldProgram = writer.Keep(_oldProgram) };

    public void Load(SavedShim saved, StateReader reader) =>
        (_call, _oldProgram, _previousVersion) = (reader.Call(saved.Upgrade.Call), StateReader.Fd(saved.Upgrade.OldProgram), saved.Writer);

    /// <summary>In the program that serves now. Empty: it is the new one.</summary>
    public void End(string failure)
    {
        FileDescriptor.Close(ref _oldProgram);
        var call = _call;
        _call = null;
        if (failure.Length > 0) call?.Fail(FaultCode.Internal, $"failed to upgrade the shim: {failure}; shim {Dispatch.Version} goes on");
        else call?.Reply(new UpgradeShimResponse { PreviousVersion = _previousVersion, Version = Dispatch.Version, StateSchema = StateSchema.Current });
    }

    public void Dispose()
    {
        _validator?.Signal(SIGKILL);
        LetGo();
    }

    private void Validate(int program)
    {
        const int programAt = 5;
        using var copy = MemoryFile.Sealed("shim-state", StateOf(new StateWriter()));
        _words?.Dispose();
        _words = MemoryFile.Bounded("shim-validation", MaxWordsBytes);
        _timedOut = false;
        var words = (int)_words.DangerousGetHandle();
        try
        {
            _validator = _reaper.Spawn(new SpawnRequest
            {
                Path = $"/proc/self/fd/{programAt}",
                Arguments = [ProgramName, "validate"],
                Fds = [new(words, 1), new(words, 2), new((int)copy.DangerousGetHandle(), 3), new(program, programAt)],
                BlockedSignals = BlockedSignals,
            }, Validated);
        }
        catch
        {
            _words.Dispose();
            _words = null;
            throw;
        }

        _deadline.Set(ValidationTime);
    }

    private void TimeIsUp()
    {
        _timedOut = true;
        _validator?.Signal(SIGKILL);
    }

    private void Validated(ExitCode exit)
    {
        _deadline.Clear();
        _validator = null;
        var words = System.Text.Encoding.UTF8.GetString(MemoryFile.ReadWritten(_words!)).Trim();
        if (exit is { Code: 0, Signal: 0 } && words.StartsWith(Validation.Word, StringComparison.Ordinal)) Exchange();
        else Refuse(Refused(_timedOut ? $"the new program did not read the state within {ValidationTime.TotalSeconds:0} s" : Judge(exit, words)));
    }

    private static string Judge(ExitCode exit, string words) => (exit, words.Length) switch
    {
        ({ Code: 0, Signal: 0 }, _) => "the new program is no shim, or an older one that can't be upgraded to: it said nothing of the state",
        (_, 0) => $"the new program ended with {exit} when it was to read the state",
        _ => $"the new program refuses: {words} ({exit})",
    };

    private void Exchange()
    {
        if (!_loop.IsQuiet)
        {
            _loop.Post(Exchange); // what waits to be run would be lost
            return;
        }

        if (_call is not { IsOpen: true })
        {
            LetGo();
            return;
        }

        try
        {
            CheckObstacle();
            _oldProgram = ProgramExchange.OpenSelf();
            Execute();
        }
        catch (Exception e) when (e is RuntimeFault or IOException)
        {
            Refuse(e switch { RuntimeFault fault => fault, LinuxException fault => CantRun(fault), _ => Refused(e.Message) });
        }
    }

    private void Execute()
    {
        var writer = new StateWriter();
        using var state = MemoryFile.Sealed("shim-state", StateOf(writer));
        var stateFd = (int)state.DangerousGetHandle();
        var kept = writer.Descriptors.Append(stateFd);
        try
        {
            foreach (var fd in kept) FileDescriptor.KeepAcrossExec(fd);
            ProgramExchange.Execute(_program, [ProgramName, "serve", "resumed", $"{stateFd}", $"{_oldProgram}"]);
        }
        finally
        {
            foreach (var fd in kept) FileDescriptor.SetCloseOnExec(fd);
        }
    }

    private byte[] StateOf(StateWriter writer)
    {
        var state = _container.Save(writer);
        return state.CalculateSize() <= StateFile.MaxBytes ? state.ToByteArray()
            : throw new RuntimeFault(FaultCode.ResourceExhausted, "failed to upgrade the shim: too much waits to be sent to callers; try again in a moment");
    }

    private void CheckObstacle()
    {
        if (_container.Obstacle is { } obstacle) throw Refused(obstacle);
    }

    /// <summary>The caller has gone: nobody would hear of a failure.</summary>
    private void Abandon()
    {
        _call = null;
        _validator?.Signal(SIGKILL);
    }

    private void Refuse(RuntimeFault fault)
    {
        ErrorLog.Write($"not upgraded: {fault.Message}");
        var call = _call;
        LetGo();
        call?.Fail(fault.Code, fault.Message);
    }

    private void LetGo()
    {
        _deadline.Clear();
        _call = null;
        _words?.Dispose();
        _words = null;
        FileDescriptor.Close(ref _program);
        FileDescriptor.Close(ref _oldProgram);
    }

    private static RuntimeFault CantRun(LinuxException fault) =>
        new(BusyProgram.IsCauseOf(fault) ? FaultCode.Aborted : FaultCode.FailedPrecondition, Words($"the new program can't be run: {BusyProgram.Words(fault)}"));

    private static RuntimeFault Refused(string cause) => RuntimeFault.FailedPrecondition(Words(cause));

    private static string Words(string cause) => $"failed to upgrade the shim: {cause}; shim {Dispatch.Version} goes on";
}
