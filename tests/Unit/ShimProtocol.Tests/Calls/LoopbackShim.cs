using ShimRuntime.Linux;

namespace ShimRuntime.ShimProtocol.Tests.Calls;

/// <summary>The server side on a thread of its own, over a real socket, with a service of the test's.</summary>
internal sealed class LoopbackShim : IShimService, IDisposable
{
    private readonly EpollLoop _loop;
    private readonly Thread _thread;
    private readonly int _wakeWrite;

    public LoopbackShim(Action<ShimCall> handle)
    {
        Handler = handle;
        Directory = System.IO.Directory.CreateTempSubdirectory("shim-").FullName;
        _loop = new EpollLoop(Errors.Add);
        var pipe = FileDescriptor.CreatePipe();
        _wakeWrite = pipe.Write;
        var listener = new ShimListener(_loop, SocketPath, this);
        _loop.Add(pipe.Read, 1, new Waker(() =>
        {
            var fd = pipe.Read;
            _loop.Remove(fd);
            FileDescriptor.Close(ref fd);
            listener.Close();
            _loop.Stop();
        }));
        _thread = new Thread(_loop.Run) { Name = "loop" };
        _thread.Start();
    }

    public string Directory { get; }

    public string SocketPath => $"{Directory}/shim.sock";

    public Action<ShimCall> Handler { get; }

    public List<Exception> Errors { get; } = [];

    public void Handle(ShimCall call) => Handler(call);

    public void Dispose()
    {
        var fd = _wakeWrite;
        FileDescriptor.Close(ref fd);
        _thread.Join(TimeSpan.FromSeconds(10));
        _loop.Dispose();
        System.IO.Directory.Delete(Directory, true);
    }

    private sealed class Waker(Action onEnd) : IEpollHandler
    {
        public void OnReady(uint events) => onEnd();
    }
}
