using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// Listening sockets from the service manager (sd_listen_fds(3)): of a socket unit, or of its store, where an earlier daemon has put them
/// (sd_notify(3), FDSTORE=1). Found by name; descriptors of other names are closed.
/// </summary>
internal sealed class InheritedSockets : IDisposable
{
    /// <summary>FDNAME of the CRI socket in the store; a socket unit's is its own name, or FileDescriptorName= of it.</summary>
    public const string CriName = "cri";
    public const string StreamsName = "streams";
    private const int First = 3; // SD_LISTEN_FDS_START
    private int _streams = -1;

    private int _cri = -1;

    public int Cri => _cri;

    public static InheritedSockets Take()
    {
        var taken = new InheritedSockets();
        if (!int.TryParse(Environment.GetEnvironmentVariable("LISTEN_PID"), out var pid) || pid != Environment.ProcessId) return taken;
        if (!int.TryParse(Environment.GetEnvironmentVariable("LISTEN_FDS"), out var count)) return taken;
        var names = (Environment.GetEnvironmentVariable("LISTEN_FDNAMES") ?? "").Split(':');
        for (var i = 0; i < count; i++) taken.Take(First + i, i < names.Length ? names[i] : "");
        // Children are given an environment of their own; nothing may take these for its own.
        foreach (var variable in (string[])["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) Environment.SetEnvironmentVariable(variable, null);
        return taken;
    }

    /// <summary>Owned by the caller from then on; -1: there is none.</summary>
    public int TakeStreams()
    {
        var fd = _streams;
        _streams = -1;
        return fd;
    }

    /// <inheritdoc cref="TakeStreams"/>
    public int TakeCri()
    {
        var fd = _cri;
        _cri = -1;
        return fd;
    }

    public void Dispose()
    {
        FileDescriptor.Close(ref _streams);
        FileDescriptor.Close(ref _cri);
    }

    private void Take(int fd, string name)
    {
        if (FileDescriptor.IsListeningSocket(fd) && name == StreamsName && _streams < 0)
        {
            _streams = fd;
            FileDescriptor.SetCloseOnExec(fd);
        }
        else if (FileDescriptor.IsListeningSocket(fd) && name != StreamsName && _cri < 0)
        {
            _cri = fd;
            FileDescriptor.SetCloseOnExec(fd);
        }
        else
        {
            FileDescriptor.Close(ref fd);
        }
    }
}
