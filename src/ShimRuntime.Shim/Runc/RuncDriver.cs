using System.Globalization;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Serving;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Runc;

/// <summary>
/// runc's command lines (runc(8)): run, exec, delete. Signals go by pidfd and cgroup, never by <c>runc kill</c>. runc gets an
/// environment made from nothing: a NOTIFY_SOCKET left in it would make <c>runc run --detach</c> wait for a word from the container.
/// </summary>
internal sealed class RuncDriver(EpollLoop loop, Reaper reaper, ShimLaunch launch, ShimPaths paths)
{
    private static readonly TimeSpan RunDeadline = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan ExecDeadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan DeleteDeadline = TimeSpan.FromSeconds(30);
    private static readonly string[] Environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
    private int _logs;

    public EpollLoop Loop { get; } = loop;

    public Reaper Reaper { get; } = reaper;

    /// <summary>Creates and starts the container of the current generation; its init is an orphan, ours, when this is done.</summary>
    /// <param name="consoleSocket">Where runc sends the terminal's master; null: none, the descriptors are the container's stdio.</param>
    public RuncCall Run(string? consoleSocket, IReadOnlyList<FdMapping> fds, Action<RuncResult> onDone)
    {
        List<string> arguments = ["run", "--detach", "--bundle", paths.Bundle, "--pid-file", paths.InitPidFile];
        if (consoleSocket is not null) arguments.AddRange(["--console-socket", consoleSocket]);
        arguments.Add(paths.RuncId);
        return new RuncCall(this, new RuncCommand(arguments, fds), NextLog(), RunDeadline, onDone);
    }

    /// <summary>Starts a process in the running container.</summary>
    /// <param name="files">The OCI process object, and where its pid goes.</param>
    /// <param name="subCgroup">Value of --cgroup; null: the container's own.</param>
    public RuncCall Exec((string ProcessJson, string PidFile) files, string? subCgroup, IReadOnlyList<FdMapping> fds,
        Action<RuncResult> onDone)
    {
        List<string> arguments = ["exec", "--detach", "--process", files.ProcessJson, "--pid-file", files.PidFile];
        if (subCgroup is not null) arguments.AddRange(["--cgroup", subCgroup]);
        arguments.Add(paths.RuncId);
        return new RuncCall(this, new RuncCommand(arguments, fds), NextLog(), ExecDeadline, onDone);
    }

    /// <summary>Removes what runc keeps of the container, its leaf cgroup too; one that it does not know is no error.</summary>
    public RuncCall Delete(Action<RuncResult> onDone) =>
        new(this, new RuncCommand(["delete", "--force", paths.RuncId], []), NextLog(), DeleteDeadline, onDone);

    /// <summary>The pid in a file that runc has written whole; 0 when there is none.</summary>
    public static int ReadPid(string path) =>
        int.TryParse(CgroupFile.TryRead(path), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0;

    internal SpawnRequest RequestFor(RuncCommand command, string log) => new()
    {
        Path = launch.RuncPath,
        Arguments = [launch.RuncPath, "--root", launch.RuncRoot, "--log", log, "--log-format", "json", .. launch.RuncArguments,
            .. command.Arguments],
        Environment = Environment,
        Fds = command.Fds,
    };

    private string NextLog() => $"{paths.Bundle}/runc-{++_logs}.log";
}
