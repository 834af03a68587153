using System.Globalization;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Runc;

/// <summary>
/// runc's command lines (runc(8)): run, create, start, checkpoint, restore, exec, delete. Signals go by pidfd and cgroup, never by <c>runc kill</c>. runc gets an
/// environment made from nothing: a NOTIFY_SOCKET left in it would make <c>runc run --detach</c> wait for a word from the container.
/// </summary>
internal sealed class RuncDriver(EpollLoop loop, Reaper reaper, RuncSettings settings)
{
    private static readonly TimeSpan RunDeadline = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan CriuDeadline = TimeSpan.FromMinutes(30); // the memory of a large process has to reach the disk
    private static readonly TimeSpan ExecDeadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan DeleteDeadline = TimeSpan.FromSeconds(30);
    private static readonly string[] Environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

    public EpollLoop Loop { get; } = loop;

    /// <summary>How many there were: each has a log of its own.</summary>
    public int Calls { get; set; }

    public Reaper Reaper { get; } = reaper;

    /// <summary>Creates and starts the container of the bundle; its init is an orphan, ours, when this is done.</summary>
    /// <param name="consoleSocket">Where runc sends the terminal's master; null: none, the descriptors are the container's stdio.</param>
    public RuncCall Run((string Directory, string PidFile) bundle, string? consoleSocket, IReadOnlyList<FdMapping> fds,
        Action<RuncResult> onDone) =>
        Make(["run", "--detach", "--bundle", bundle.Directory, "--pid-file", bundle.PidFile], consoleSocket, fds, onDone);

    /// <summary>As <see cref="Run"/>, but its init waits for <see cref="Start"/>.</summary>
    public RuncCall Create((string Directory, string PidFile) bundle, string? consoleSocket, IReadOnlyList<FdMapping> fds,
        Action<RuncResult> onDone) =>
        Make(["create", "--bundle", bundle.Directory, "--pid-file", bundle.PidFile], consoleSocket, fds, onDone);

    /// <summary>Lets the init of a created container go.</summary>
    public RuncCall Start(Action<RuncResult> onDone) =>
        new(this, new RuncCommand(["start", settings.Id], []), NextLog(), RunDeadline, onDone);

    /// <summary>As <see cref="Run"/>, with the processes that CRIU finds in the images.</summary>
    public RuncCall Restore((string Directory, string PidFile) bundle, CriuDirectories criu, ContainerStdio stdio,
        Action<RuncResult> onDone)
    {
        List<string> arguments = ["restore", "--detach", "--bundle", bundle.Directory, "--pid-file", bundle.PidFile, .. criu.Arguments];
        if (stdio.ConsoleSocketPath is { } console) arguments.AddRange(["--console-socket", console]);
        arguments.Add(settings.Id);
        return new RuncCall(this, new RuncCommand(arguments, stdio.ChildFds) { CriuLog = criu.Log }, NextLog(), CriuDeadline, onDone);
    }

    /// <summary>CRIU's images of the running container, which stays.</summary>
    public RuncCall Checkpoint(CriuDirectories criu, Action<RuncResult> onDone)
    {
        var command = new RuncCommand(["checkpoint", "--leave-running", .. criu.Arguments, settings.Id], []) { CriuLog = criu.Log };
        return new RuncCall(this, command, NextLog(), CriuDeadline, onDone);
    }

    /// <summary>Starts a process in the running container.</summary>
    /// <param name="files">The OCI process object, and where its pid goes.</param>
    /// <param name="options">Value of --cgroup, null: the container's own; of --console-socket, null: no terminal.</param>
    public RuncCall Exec((string ProcessJson, string PidFile) files, (string? SubCgroup, string? ConsoleSocket) options,
        IReadOnlyList<FdMapping> fds, Action<RuncResult> onDone)
    {
        List<string> arguments = ["exec", "--detach", "--process", files.ProcessJson, "--pid-file", files.PidFile];
        if (options.SubCgroup is not null) arguments.AddRange(["--cgroup", options.SubCgroup]);
        if (options.ConsoleSocket is not null) arguments.AddRange(["--console-socket", options.ConsoleSocket]);
        arguments.Add(settings.Id);
        return new RuncCall(this, new RuncCommand(arguments, fds), NextLog(), ExecDeadline, onDone);
    }

    /// <summary>Removes what runc keeps of the container, its leaf cgroup too; one that it does not know is no error.</summary>
    public RuncCall Delete(Action<RuncResult> onDone) =>
        new(this, new RuncCommand(["delete", "--force", settings.Id], []), NextLog(), DeleteDeadline, onDone);

    /// <summary>One that another program of this process has begun.</summary>
    public RuncCall Resume(SavedRunc saved, Action<RuncResult> onDone) => new(this, saved, onDone);

    /// <summary>The pid in a file that runc has written whole; 0 when there is none.</summary>
    public static int ReadPid(string path) =>
        int.TryParse(CgroupFile.TryRead(path), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0;

    private RuncCall Make(List<string> arguments, string? consoleSocket, IReadOnlyList<FdMapping> fds, Action<RuncResult> onDone)
    {
        // Beyond stdio they are the container's own: without a word of it runc closes them.
        var preserved = fds.Count(f => f.Target > 2);
        if (preserved > 0) arguments.AddRange(["--preserve-fds", $"{preserved}"]);
        if (consoleSocket is not null) arguments.AddRange(["--console-socket", consoleSocket]);
        arguments.Add(settings.Id);
        return new RuncCall(this, new RuncCommand(arguments, fds), NextLog(), RunDeadline, onDone);
    }

    internal SpawnRequest RequestFor(RuncCommand command, string log) => new()
    {
        Path = settings.Path,
        Arguments = [settings.Path, "--root", settings.Root, "--log", log, "--log-format", "json", .. settings.Arguments,
            .. command.Arguments],
        Environment = Environment,
        Fds = command.Fds,
    };

    private string NextLog() => $"{settings.LogPrefix}-{++Calls}.log";
}
