using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Asks a server again and again, each time on a connection of its own, and notes what it gets: "g1", "g2", or what failed.</summary>
public sealed class SteadyClient : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(2);
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _drop = new();
    private readonly ConcurrentQueue<string> _answers = [];
    private readonly Task[] _clients;

    public SteadyClient(EndPoint server, int clients = 4) => _clients = [.. Enumerable.Range(0, clients).Select(n => Task.Run(() => AskAsync(server, n)))];

    public IReadOnlyList<string> Answers => [.. _answers];

    /// <summary>Waits until an answer of that generation has come.</summary>
    public Task SeesAsync(string generation) => Eventually.True(() => _answers.Contains(generation), $"an answer of {generation}");

    /// <summary>What was neither of these answers.</summary>
    public async Task<IReadOnlyList<string>> EndAsync(params string[] right)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients);
        return [.. _answers.Where(a => !right.Contains(a))];
    }

    /// <summary>What is asked at the moment is of no interest: there may be nobody left who could refuse it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _drop.CancelAsync();
        await Task.WhenAll(_clients);
    }

    private async Task AskAsync(EndPoint server, int client)
    {
        for (var i = 0; !_stop.IsCancellationRequested; i++)
        {
            _answers.Enqueue(await AskOnceAsync(server, $"/{client}/{i}"));
            await Task.Delay(Pause);
        }
    }

    private async Task<string> AskOnceAsync(EndPoint server, string path)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_drop.Token);
        deadline.CancelAfter(TimeSpan.FromSeconds(20));
        try
        {
            using var socket = new Socket(server.AddressFamily, SocketType.Stream, server is UnixDomainSocketEndPoint ? ProtocolType.Unspecified : ProtocolType.Tcp);
            await socket.ConnectAsync(server, deadline.Token);
            await using var stream = new NetworkStream(socket);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"), deadline.Token);
            using var reader = new StreamReader(stream);
            var body = (await reader.ReadToEndAsync(deadline.Token)).Split("\r\n\r\n").Last().Trim();
            return body.StartsWith(path + " ", StringComparison.Ordinal) ? body[(path.Length + 1)..] : $"wrong answer '{body}'";
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            return e.Message;
        }
    }
}
