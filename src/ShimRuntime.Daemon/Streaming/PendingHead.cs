using System.Text;
using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Daemon.Streaming;

/// <summary>
/// A connection whose request is being read: at most 16 KiB, for at most 10 s, then handed on or refused. A refused client gets the time
/// to read why: closing over bytes that it still sends would reset the connection.
/// </summary>
internal sealed unsafe class PendingHead : IEpollHandler
{
    private const int ReadBytes = 4096;
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LingerTimeout = TimeSpan.FromSeconds(2);
    private readonly EpollLoop _loop;
    private readonly LoopTimer _timer;
    private readonly StreamingLoop _owner;
    private readonly byte[] _bytes = new byte[RequestHead.MaxBytes + ReadBytes];
    private int _count;
    private int _fd;
    private bool _refused;

    public PendingHead(EpollLoop loop, int fd, StreamingLoop owner)
    {
        (_loop, _fd, _owner) = (loop, fd, owner);
        _timer = loop.CreateTimer(TimedOut);
        _timer.Set(ReadTimeout);
        loop.Add(fd, (uint)EPOLLIN, this);
    }

    public void OnReady(uint events)
    {
        var buffer = stackalloc byte[ReadBytes];
        var count = FileDescriptor.TryReceive(_fd, buffer, ReadBytes);
        if (count < 0) return;
        if (count == 0)
        {
            Close();
            return;
        }

        if (_refused) return;
        new ReadOnlySpan<byte>(buffer, count).CopyTo(_bytes.AsSpan(_count));
        _count += count;
        try
        {
            Proceed();
        }
        catch (HttpRefusal refusal)
        {
            Refuse(refusal);
        }
    }

    public void Close()
    {
        if (_fd < 0) return;
        _timer.Clear();
        _loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
        _owner.Forget(this);
    }

    private void Proceed()
    {
        var length = RequestHead.Length(_bytes.AsSpan(0, _count));
        if (length < 0 ? _count > RequestHead.MaxBytes : length > RequestHead.MaxBytes)
            throw new HttpRefusal(431, $"the head of the request has more than {RequestHead.MaxBytes} bytes");
        if (length < 0) return;
        _owner.HandOver(RequestHead.Parse(_bytes.AsSpan(0, length)), _bytes.AsSpan(length, _count - length), _fd);
        Close();
    }

    private void TimedOut()
    {
        if (_refused) Close();
        else Refuse(new HttpRefusal(408, $"the head of the request did not come within {ReadTimeout.TotalSeconds:0} s"));
    }

    private void Refuse(HttpRefusal refusal)
    {
        _refused = true;
        var body = Encoding.UTF8.GetBytes(refusal.Message + "\n");
        var head = Encoding.ASCII.GetBytes($"HTTP/1.1 {refusal.Status} {refusal.Reason}\r\nConnection: close\r\n"
            + $"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {body.Length}\r\n\r\n");
        fixed (byte* answer = (byte[])[.. head, .. body]) _ = FileDescriptor.TrySend(_fd, answer, head.Length + body.Length);
        TcpSocket.EndSending(_fd);
        _timer.Set(LingerTimeout);
    }
}
