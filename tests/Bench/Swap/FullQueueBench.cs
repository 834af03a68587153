using System.Diagnostics;
using System.Net.Sockets;

namespace ShimRuntime.Bench.Swap;

/// <summary>
/// Swaps of a server that has stopped accepting (SIGSTOP) and whose listener's queue is full to the last place. Every connection in it has
/// sent its request; the old generation never runs again, so each has to be answered by the new one.
/// </summary>
internal sealed class FullQueueBench(BenchNode node, int swaps)
{
    private const int Backlog = 256;
    private const int Places = Backlog + 1; // the kernel lets one more in: sk_acceptq_is_full, include/net/sock.h
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Drain = TimeSpan.FromMilliseconds(50); // a stopped process hears nothing: then SIGKILL

    public async Task RunAsync(ServerKind kind, Report report, CancellationToken cancellation)
    {
        Console.WriteLine($"{kind.Name}: {swaps} swaps with {Places} connections in a queue for {Places}");
        await using var server = await SwapServer.StartAsync(node, kind, Backlog, cancellation);
        var (before, failures, answered) = (await server.CountersAsync(), new List<string>(), 0);
        for (var i = 0; i < swaps; i++) answered += await SwapAsync(server, kind, failures, cancellation);
        var after = await server.CountersAsync();
        var name = $"{kind.Name}, full queue";
        foreach (var failure in failures.GroupBy(f => f)) report.Note($"{name}: {failure.Count()} x {failure.Key}");
        report.Add($"{name}: answered by the new generation, of {swaps * Places}", answered, "");
        report.Add($"{name}: connections that were not", failures.Count, "", 0);
        report.Add($"{name}: ListenOverflows and ListenDrops", after.Overflows - before.Overflows + after.Drops - before.Drops, "", 0);
    }

    private static async Task<int> SwapAsync(SwapServer server, ServerKind kind, List<string> failures, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var stopped = await server.StopAsync(cancellation);
        deadline.CancelAfter(Deadline);
        var answers = new List<Task<string>>();
        for (var i = 0; i < Places; i++)
        {
            var connection = new HttpConnection();
            await connection.ConnectAsync(server.Target, deadline.Token); // one after the other: the last place is taken, none is asked for twice
            answers.Add(AnswerAsync(connection, i, deadline.Token));
        }

        var clock = Stopwatch.StartNew();
        for (int queue; (queue = await server.QueueAsync()) != Places; await Task.Delay(5, cancellation))
        {
            if (clock.Elapsed > Deadline) throw new InvalidOperationException($"{queue} connections are in the queue, not {Places}");
        }

        await server.SwapAsync(kind.ReadyUnasked, Drain, cancellation);
        var all = await Task.WhenAll(answers);
        var wrong = all.Where((answer, i) => !IsRight(answer, i, server, kind)).ToList();
        failures.AddRange(wrong);
        return all.Length - wrong.Count;
    }

    /// <summary>nginx can't be told which generation it is.</summary>
    private static bool IsRight(string answer, int number, SwapServer server, ServerKind kind) =>
        kind.Server == "nginx" ? answer.StartsWith($"/{number} g", StringComparison.Ordinal) : answer == $"/{number} g{server.Generation}\n";

    /// <summary>The body, or in words why there is none.</summary>
    private static async Task<string> AnswerAsync(HttpConnection connection, int number, CancellationToken cancellation)
    {
        try
        {
            using (connection) return await connection.GetAsync($"/{number}", cancellation) ?? "closed without an answer";
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            return e.Message;
        }
    }
}
