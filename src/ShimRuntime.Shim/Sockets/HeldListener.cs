using ShimRuntime.Linux;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;

namespace ShimRuntime.Shim.Sockets;

/// <summary>
/// A listening socket of which this shim has a descriptor, so that no process's end closes it: connections queue in its backlog while nobody
/// accepts. Never shut down: that would end it for everybody.
/// </summary>
internal sealed class HeldListener : IDisposable
{
    private readonly ListenerState? _state;
    private int _fd;

    /// <param name="fd">Ours to close.</param>
    /// <param name="file">Of a Unix socket with a name in the file system.</param>
    public HeldListener(int fd, SocketFacts facts, SocketFile? file) => (_fd, Facts, File, _state) = (fd, facts, file, ListenerState.TryOf(fd));

    /// <summary>One that another program of this process has taken, with what it was then.</summary>
    public HeldListener(SavedHeld saved)
    {
        (_fd, Facts) = (saved.Fd, SocketFacts.Of(saved.Fd));
        File = saved.Directory == 0 ? null : SocketFile.Inherit(saved);
        _state = saved.IsTcp ? new ListenerState(saved.Backlog, saved.Lingers, saved.LingerSeconds) : null;
    }

    public int Fd => _fd;

    public SocketFacts Facts { get; }

    public ListenerAddress Address => Facts.Address!.Value;

    public SocketFile? File { get; }

    /// <summary>What LISTEN_FDNAMES calls it (sd_listen_fds(3)): letters, digits, '-', '_' and '.'.</summary>
    public string Name => Address.Endpoint is { } endpoint ? $"tcp-{endpoint.Port}" : "unix-" + Plain(Address.Path!);

    /// <summary>Undoes what a process did to the socket of all when it closed its own descriptor; false: nothing.</summary>
    /// <exception cref="LinuxException">It can't be made to listen again.</exception>
    public bool PutRight() => _state?.Restore(_fd) ?? false;

    public SavedHeld Save(StateWriter writer)
    {
        var saved = new SavedHeld
        {
            Fd = writer.Keep(_fd),
            IsTcp = _state is not null,
            Backlog = _state?.Backlog ?? 0,
            Lingers = _state?.Lingers ?? false,
            LingerSeconds = _state?.LingerSeconds ?? 0,
        };
        File?.Save(saved, writer);
        return saved;
    }

    public void Dispose()
    {
        File?.Dispose();
        FileDescriptor.Close(ref _fd);
    }

    private static string Plain(string path)
    {
        Span<char> name = stackalloc char[path.Length];
        for (var i = 0; i < path.Length; i++) name[i] = char.IsAsciiLetterOrDigit(path[i]) || path[i] is '.' or '-' ? path[i] : '_';
        return new string(name.Trim('_'));
    }
}
