using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using ShimRuntime.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Swaps.Readiness;

/// <summary>
/// TCP: a connection, from inside the pod's network. HTTP: GET over it, and the status line says 200 to 399 (RFC 9112; the rest of the answer
/// is not read).
/// </summary>
/// <remarks>
/// Where the old generation serves the same queue, or connections only wait in it, an answer says nothing of the new one: then the
/// connection has to have been accepted by it.
/// </remarks>
/// <param name="namespacePath">Of the pod's network namespace.</param>
/// <param name="get">Path and Host of the request; null: TCP.</param>
internal sealed unsafe class NetworkAttempt(EpollLoop loop, Func<string> namespacePath, IPEndPoint endpoint, (string Path, string Host)? get)
    : IAttempt, IEpollHandler
{
    private const int MaxHeadBytes = 512;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan AcceptTime = TimeSpan.FromMilliseconds(250);
    private readonly byte[]? _request = get is null ? null : Encoding.ASCII.GetBytes(
        $"GET {get.Value.Path} HTTP/1.1\r\nHost: {get.Value.Host}\r\nUser-Agent: shimruntime-ready\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    private readonly byte[] _head = new byte[MaxHeadBytes];
    private LoopTimer? _deadline;
    private LoopTimer? _look;
    private int _looks;
    private Action<string?>? _onDone;
    private int _headBytes;
    private bool _connected;
    private int _fd = -1;

    /// <summary>True when the new generation has accepted our connection, false when somebody else has, null when nobody yet. Unset: nobody else could.</summary>
    public Func<int, bool?>? WhoAccepts { get; init; }

    public void Begin(Action<string?> onDone)
    {
        (_onDone, _headBytes, _connected, _looks) = (onDone, 0, false, 0);
        _deadline ??= loop.CreateTimer(() => Done($"{endpoint} did not answer within {Longest.TotalSeconds} s"));
        Connect();
    }

    private void Connect()
    {
        _connected = false;
        try
        {
            _fd = NetworkVisit.Run(namespacePath(), () => TcpSocket.BeginConnect(endpoint));
            loop.Add(_fd, (uint)EPOLLOUT, this);
            _deadline!.Set(Longest);
        }
        catch (LinuxException e)
        {
            Done(e.Message);
        }
    }

    public void Cancel()
    {
        _onDone = null;
        _deadline?.Clear();
        _look?.Clear();
        CloseConnection();
    }

    private void CloseConnection()
    {
        if (_fd >= 0) loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
    }

    public void OnReady(uint events)
    {
        if (_connected && _request is null) Done($"{endpoint} closed the connection");
        else if (_connected) Read();
        else Connected();
    }

    private void Connected()
    {
        var error = TcpSocket.ErrorOf(_fd);
        if (error != 0)
        {
            Done($"{endpoint}: {Marshal.GetPInvokeErrorMessage(error).ToLowerInvariant()}");
            return;
        }

        _connected = true;
        loop.Modify(_fd, 0);
        if (WhoAccepts is null) Ask();
        else LookWhoAccepts();
    }

    private void LookWhoAccepts()
    {
        var isNew = WhoAccepts!(_fd);
        if (isNew == true)
        {
            Ask();
            return;
        }

        if (++_looks * LookAgain > AcceptTime)
        {
            Done($"{endpoint} is not served by the new generation yet");
            return;
        }

        // The old one was faster: the next connection may be the new one's. Some servers wake their workers in turn, and only after some dozen
        // connections (EPOLLEXCLUSIVE, epoll_ctl(2)): one has to come to that within an attempt, also where there are no other clients.
        if (isNew == false)
        {
            CloseConnection();
            Connect();
            return;
        }

        _look ??= loop.CreateTimer(LookWhoAccepts);
        _look.Set(LookAgain);
    }

    private void Ask()
    {
        if (_request is null)
        {
            Done(null);
            return;
        }

        fixed (byte* request = _request)
        {
            // A fresh socket's buffer holds far more.
            if (FileDescriptor.TrySend(_fd, request, _request.Length) == _request.Length) loop.Modify(_fd, (uint)EPOLLIN);
            else Done($"{endpoint} closed the connection");
        }
    }

    private void Read()
    {
        fixed (byte* head = _head)
        {
            var count = FileDescriptor.TryReceive(_fd, head + _headBytes, MaxHeadBytes - _headBytes);
            if (count < 0) return;
            _headBytes += count;
            if (StatusOf(_head.AsSpan(0, _headBytes)) is { } status) Done(status is >= 200 and < 400 ? null : $"{endpoint} answered {status}");
            else if (count == 0 || _headBytes == MaxHeadBytes) Done($"{endpoint} does not speak HTTP/1");
        }
    }

    /// <summary>Of "HTTP/1.1 200 …"; null: not all there yet, or nothing of the kind.</summary>
    internal static int? StatusOf(ReadOnlySpan<byte> head)
    {
        if (head.Length < 12 || !head.StartsWith("HTTP/1."u8) || head[8] != ' ') return null;
        var status = 0;
        foreach (var digit in head.Slice(9, 3))
        {
            if (digit is < (byte)'0' or > (byte)'9') return null;
            status = (status * 10) + digit - '0';
        }

        return status;
    }

    private void Done(string? failure)
    {
        var done = _onDone;
        Cancel();
        done?.Invoke(failure);
    }
}
