using System.Diagnostics;
using System.Net;
using ShimRuntime.Bench.Swap;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench.Restart;

/// <summary>Those who must notice nothing: clients of CRI, half of them with a new connection for each call, and clients of the pods.</summary>
internal sealed class Callers(BenchNode node, IReadOnlyList<IPEndPoint> pods)
{
    private const int CriClients = 4;
    private const int PodRequestsPerSecond = 200;
    private static readonly TimeSpan CriPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan PodPatience = TimeSpan.FromSeconds(10);

    public CallTally Cri { get; } = new();

    public CallTally Http { get; } = new();

    public Task RunAsync(CancellationToken stop) =>
        Task.WhenAll([AskPodsAsync(stop), .. Enumerable.Range(0, CriClients).Select(n => AskCriAsync(n % 2 == 0, stop))]);

    private async Task AskCriAsync(bool keepsConnection, CancellationToken stop)
    {
        using var kept = node.NewChannel();
        while (!stop.IsCancellationRequested)
        {
            using var own = keepsConnection ? null : node.NewChannel();
            var client = new RuntimeService.RuntimeServiceClient(own ?? kept);
            await Cri.CountAsync(async () => await client.ListContainersAsync(new ListContainersRequest()));
            await Cri.CountAsync(async () => await client.ListPodSandboxAsync(new ListPodSandboxRequest()));
            await Task.Delay(CriPause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Open loop: a request is due at its time, whatever became of the others.</summary>
    private async Task AskPodsAsync(CancellationToken stop)
    {
        var (clock, requests) = (Stopwatch.StartNew(), new List<Task>());
        for (long sent = 0; !stop.IsCancellationRequested; await Task.Delay(5, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing))
        {
            for (var due = clock.ElapsedMilliseconds * PodRequestsPerSecond / 1000; sent < due; sent++)
                requests.Add(AskAsync(pods[(int)(sent % pods.Count)]));
            requests.RemoveAll(r => r.IsCompleted);
        }

        await Task.WhenAll(requests);
    }

    private Task AskAsync(IPEndPoint pod) => Http.CountAsync(async () =>
    {
        using var deadline = new CancellationTokenSource(PodPatience);
        using var connection = new HttpConnection();
        await connection.ConnectAsync(pod, deadline.Token);
        var answer = await connection.GetAsync("/index.html", deadline.Token);
        if (answer != "up\n") throw new IOException($"answered '{answer}'");
    });
}
