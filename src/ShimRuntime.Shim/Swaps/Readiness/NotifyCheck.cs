using System.Text;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Swaps.Readiness;

/// <summary>
/// sd_notify(3): a datagram socket in the bundle, whose directory the container sees; READY=1 is the word. Whatever else is said is read
/// and dropped. Anybody in the container may say it: it is the container's own word about itself.
/// </summary>
internal sealed unsafe class NotifyCheck(EpollLoop loop, TimeSpan timeout, string path) : ReadyCheck(loop, timeout), IEpollHandler
{
    private const int MaxDatagramBytes = 4096;
    private static readonly byte[] Word = Encoding.ASCII.GetBytes("READY=1");
    private int _fd = -1;

    public override void Prepare() => _fd = UnixSocket.BindDatagram(path);

    public override SavedReady Save(StateWriter writer)
    {
        var saved = base.Save(writer);
        saved.Notify = writer.Keep(_fd);
        return saved;
    }

    protected override void Resume(SavedReady saved) => _fd = StateReader.Fd(saved.Notify);

    public void OnReady(uint events)
    {
        var datagram = stackalloc byte[MaxDatagramBytes];
        int count;
        while (_fd >= 0 && (count = FileDescriptor.TryReceive(_fd, datagram, MaxDatagramBytes)) >= 0)
        {
            if (!Says(new ReadOnlySpan<byte>(datagram, count))) continue;
            Ready();
            return;
        }
    }

    protected override void Look()
    {
        LastFailure = "nothing said READY=1 at $NOTIFY_SOCKET";
        Loop.Add(_fd, (uint)EPOLLIN, this);
    }

    protected override void End()
    {
        if (_fd < 0) return;
        Loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
        ScratchFile.Delete(path);
    }

    /// <summary>One of its lines is the word.</summary>
    internal static bool Says(ReadOnlySpan<byte> datagram)
    {
        foreach (var line in datagram.Split((byte)'\n'))
        {
            if (datagram[line].SequenceEqual(Word)) return true;
        }

        return false;
    }
}
