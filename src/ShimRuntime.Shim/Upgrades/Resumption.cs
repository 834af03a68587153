using ShimRuntime.Linux;
using ShimRuntime.Shim.Containers;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Serving;

namespace ShimRuntime.Shim.Upgrades;

/// <summary>
/// <c>shimruntime-shim serve resumed STATE OLD</c>: another program has served in this process until now. Its state is at descriptor STATE, and it itself at
/// OLD. Who can't restore everything gives the process back: <c>serve returned STATE OLD CAUSE</c>.
/// </summary>
internal static class Resumption
{
    private const int MaxCauseChars = 1024;

    /// <param name="failure">Of the program that could not take over; empty: this is the new one.</param>
    public static int Run(int stateFd, int oldProgram, string failure)
    {
        ProgramExchange.SetProcessName(UpgradeOperation.ProgramName);
        // Not disposed of when restoring fails: every descriptor has to be there for the one who is given the process back.
        var loop = new EpollLoop(e => ErrorLog.Write($"failed to handle an event: {e}"));
        try
        {
            Restore(loop, stateFd, failure);
        }
        catch (Exception e) when (failure.Length == 0)
        {
            // The edge of a program that could not take over: whatever it is, the old one can still go on.
            ErrorLog.Write($"failed to take over: {e}");
            var cause = e.Message.Length > MaxCauseChars ? e.Message[..MaxCauseChars] : e.Message;
            ProgramExchange.Execute(oldProgram,
                [UpgradeOperation.ProgramName, "serve", "returned", $"{stateFd}", $"{oldProgram}", $"the new program, {Dispatch.Version}, could not take over: {cause}"]);
        }

        FileDescriptor.Close(ref stateFd);
        loop.Run();
        _container!.Dispose();
        loop.Dispose();
        return 0;
    }

    private static Container? _container;

    private static void Restore(EpollLoop loop, int stateFd, string failure)
    {
        var saved = StateFile.Read(stateFd);
        ProcessSetup.Apply();
        var reaper = new Reaper(loop);
        _container = Container.Load(loop, reaper, saved, CgroupHierarchy.Detect());
        foreach (var fd in saved.Descriptors)
        {
            if (!FileDescriptor.IsOpen(fd)) throw RuntimeFault.Internal($"descriptor {fd} is not open");
        }

        // From here on it is ours.
        foreach (var fd in saved.Descriptors) FileDescriptor.SetCloseOnExec(fd);
        FileDescriptor.SetCloseOnExec(stateFd);
        _container.Upgraded(failure);
        loop.Post(() => reaper.OnReady(0)); // whoever has ended between the two programs
        ErrorLog.Write(failure.Length == 0 ? $"shim {Dispatch.Version} has taken over from shim {saved.Writer}" : $"goes on: {failure}");
    }
}
