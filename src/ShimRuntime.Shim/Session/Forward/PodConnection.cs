using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Session.Wire;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Session.Forward;

/// <summary>
/// One forwarded connection: 127.0.0.1 in the pod's network namespace, then ::1, and its two streams. Either side may half-close; when
/// both directions are over the error stream is ended, which is how the client learns it. A connection that the pod resets ends alone:
/// a word on the error stream would end the client's whole session.
/// </summary>
internal sealed class PodConnection : IEpollHandler, IDisposable
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);
    private readonly SessionHost _host;
    private readonly (string Sandbox, string NetworkNamespace) _pod;
    private readonly int _port;
    private readonly ClientStream _data;
    private readonly ClientStream _error;
    private readonly StreamToFd _toPod;
    private readonly LoopTimer _timeout;
    private readonly Action<PodConnection> _onDone;
    private FdToStream? _fromPod;
    private string? _v4Failure;
    private int _fd = -1;
    private bool _toPodEnded;
    private bool _done;

    public PodConnection(SessionHost host, (string Sandbox, string NetworkNamespace) pod, ForwardRequest request, Action<PodConnection> onDone)
    {
        (_host, _pod, _onDone) = (host, pod, onDone);
        (_port, _data, _error, _toPod) = (request.Port, request.Data, request.Error, request.ToPod);
        _toPodEnded = !request.HearsEnd;
        _timeout = host.Loop.CreateTimer(() => Failed(Errno.ETIMEDOUT));
        _toPod.OnFinished = ToPodFinished;
        _data.OnAborted = End;
    }

    public void Start() => Connect(IPAddress.Loopback);

    public void OnReady(uint events)
    {
        _host.Loop.Remove(_fd);
        _timeout.Clear();
        var error = TcpSocket.ErrorOf(_fd);
        if (error != 0) Failed(error);
        else Connected();
    }

    /// <summary>Lets go of the pod's side at once.</summary>
    public void Dispose()
    {
        _done = true;
        _timeout.Clear();
        _fromPod?.Dispose();
        _toPod.Dispose();
        if (_fd >= 0) _host.Loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
    }

    private void Connect(IPAddress address)
    {
        try
        {
            _fd = TcpSocket.BeginConnect(new IPEndPoint(address, _port));
            _host.Loop.Add(_fd, (uint)EPOLLOUT, this);
            _timeout.Set(ConnectTimeout);
        }
        catch (LinuxException e)
        {
            Failed(e.ErrorNumber);
        }
    }

    private void Failed(int error)
    {
        if (_fd >= 0) _host.Loop.Remove(_fd);
        FileDescriptor.Close(ref _fd);
        var cause = Marshal.GetPInvokeErrorMessage(error).ToLowerInvariant();
        if (_v4Failure is null)
        {
            _v4Failure = cause;
            Connect(IPAddress.IPv6Loopback);
            return;
        }

        _error.Write(Encoding.UTF8.GetBytes(ForwardText.Failure(_port, _pod, (_v4Failure, cause))));
        End();
    }

    private void Connected()
    {
        TcpSocket.MakeInteractive(_fd);
        var (readEnd, writeEnd) = (_fd, FileDescriptor.Duplicate(_fd));
        _fd = -1;
        _fromPod = new FdToStream(_host.Loop, _host.Buffer, readEnd, _data, EndIfBothEnded);
        _toPod.Open(writeEnd);
        if (!_fromPod.HasEnded) _fromPod.Start();
    }

    private void ToPodFinished()
    {
        _toPodEnded = true;
        EndIfBothEnded();
    }

    private void EndIfBothEnded()
    {
        if (_toPodEnded && _fromPod is { HasEnded: true }) End();
    }

    private void End()
    {
        if (_done) return;
        Dispose();
        _data.Finish();
        _error.Finish();
        _onDone(this);
    }
}
