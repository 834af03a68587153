using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Stdio;

/// <content>Streams that another program of this process goes on with.</content>
internal sealed partial class ContainerStdio
{
    /// <param name="owner">Path of its console socket, and whom to tell when every stream has ended, if that was to be told.</param>
    public static ContainerStdio Load(EpollLoop loop, OutputSink sink, SavedStdio saved, (string Console, Action OnEnded) owner)
    {
        var stdio = new ContainerStdio(loop, sink)
        {
            _isTerminal = saved.IsTerminal,
            _master = StateReader.Fd(saved.Master),
            _stdinWrite = StateReader.Fd(saved.Stdin),
            OnEnded = saved.TellsEnd ? owner.OnEnded : null,
        };
        if (saved.ConsoleListener != 0)
        {
            var descriptors = (saved.ConsoleListener, StateReader.Fd(saved.ConsoleConnection));
            stdio._console = new ConsoleSocket(loop, owner.Console, stdio.TakeMaster, descriptors);
        }

        foreach (var pump in saved.Pumps) stdio._pumps.Add(new LogPump(loop, pump, sink, stdio.Ended));
        return stdio;
    }

    public SavedStdio Save(StateWriter writer)
    {
        var (listener, connection) = _console?.Descriptors ?? (-1, -1);
        return new SavedStdio
        {
            IsTerminal = _isTerminal,
            Master = writer.Keep(_master),
            Stdin = writer.Keep(_stdinWrite),
            TellsEnd = OnEnded is not null,
            ConsoleListener = writer.Keep(listener),
            ConsoleConnection = writer.Keep(connection),
            Pumps = { _pumps.Select(p => p.Save(writer)) },
        };
    }
}
