using System.Buffers;
using System.Net.Sockets;
using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Tests.Shims;

/// <summary>
/// A shim as the daemon sees it: a process (sleep) that can be killed, and a socket that answers as the test says. A method without an
/// answer stays silent.
/// </summary>
internal sealed class FakeShim : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ExitWatcher _exits = new();
    private readonly SpawnedProcess _process;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly List<Socket> _connections = [];

    public FakeShim(TimeSpan? callTimeout = null)
    {
        Directory = System.IO.Directory.CreateTempSubdirectory("fake-shim-").FullName;
        _process = Spawner.Spawn(new SpawnRequest { Path = "/bin/sleep", Arguments = ["sleep", "1000"] });
        var socket = Path.Combine(Directory, "shim.sock");
        _listener.Bind(new UnixDomainSocketEndPoint(socket));
        _listener.Listen();
        _ = AcceptAsync();
        var owner = new ShimOwner(_exits, callTimeout ?? TimeSpan.FromSeconds(30), _stopping.Token);
        Shim = RunningShim.TryOpen(socket, ProcessIdentity.TryRead(_process.Pid)!.Value, owner)!;
    }

    public string Directory { get; }

    /// <summary>The daemon's end.</summary>
    public RunningShim Shim { get; }

    /// <summary>Method to answer: an <see cref="IMessage"/>, or a fault that is thrown.</summary>
    public Dictionary<string, Func<ByteString, Task<IMessage>>> Answers { get; } = [];

    public void Kill() => _process.PidFd.Signal(9);

    public void CutConnections()
    {
        lock (_connections)
        {
            _connections.ForEach(c => c.Dispose());
            _connections.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Kill();
        await Shim.Gone.WaitAsync(TimeSpan.FromSeconds(10));
        await Shim.DisposeAsync();
        await _stopping.CancelAsync();
        _listener.Dispose();
        CutConnections();
        _process.Dispose();
        _exits.Dispose();
        System.IO.Directory.Delete(Directory, true);
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var connection = await _listener.AcceptAsync(_stopping.Token);
            lock (_connections) _connections.Add(connection);
            _ = ServeAsync(connection);
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        var decoder = new FrameDecoder();
        while (await connection.ReceiveAsync(decoder.GetMemory(), _stopping.Token) is > 0 and var count)
        {
            decoder.Advance(count);
            while (decoder.TryRead(out var frame))
            {
                if (frame.Header.Type != FrameType.Request) continue;
                var request = Request.Parser.ParseFrom(frame.Payload.Span);
                if (Answers.TryGetValue(request.Method, out var answer))
                    _ = AnswerAsync(connection, frame.Header.StreamId, answer(request.Payload));
            }
        }
    }

    private static async Task AnswerAsync(Socket connection, uint stream, Task<IMessage> answer)
    {
        var response = new Response();
        try
        {
            response.Payload = (await answer).ToByteString();
        }
        catch (ShimFault e)
        {
            response.Status = new Status { Code = (int)e.Code, Message = e.Message };
        }

        var buffer = new ArrayBufferWriter<byte>();
        FrameEncoder.Write(buffer, stream, FrameType.Response, FrameFlags.None, response);
        await connection.SendAsync(buffer.WrittenMemory, SocketFlags.None);
    }
}
