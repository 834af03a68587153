using System.Diagnostics;
using System.Text.Json.Nodes;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using static ShimRuntime.Cri.HotSwap.V1.Readiness.Types;

namespace ShimRuntime.Bench.Swap;

/// <summary>
/// What L0 costs a client: from the end of the old process (START is entered) until the new one runs (READY is entered), beside a bare
/// <c>runc start</c> of the same bundle, interleaved. How long the old one takes to end is its own business; for one that is killed it is told too.
/// </summary>
internal sealed class GapBench(BenchNode node, int rounds)
{
    private const string CgroupParent = "/shimruntime-bench";

    public async Task RunAsync(Report report, CancellationToken cancellation)
    {
        Console.WriteLine($"L0: {rounds} swaps beside as many bare runc starts");
        var pod = node.Pod("gap", true, NamespaceMode.Container);
        var (podId, container) = await node.UpAsync(pod, NamespaceMode.Container, cancellation);
        var (gaps, starts) = (new List<(double All, double Start)>(), new List<double>());
        try
        {
            for (var i = 0; i < rounds; i++)
            {
                gaps.Add(await GapAsync(container, cancellation));
                starts.Add(await BareStartAsync(container, i));
            }
        }
        finally
        {
            new Cgroup(CgroupHierarchy.Detect(), CgroupParent).TryRemove();
        }

        await node.DownAsync(podId);
        var (start, bare) = (Report.Median(gaps.Select(g => g.Start)), Report.Median(starts));
        report.Add("L0: nobody serves, from SIGKILL on, p50", Report.Median(gaps.Select(g => g.All)), "ms");
        report.Add("L0: nobody serves, from the old one's end on, p50", start, "ms");
        report.Add("bare runc start, p50", bare, "ms");
        report.Add("L0: ratio to bare runc start", start / bare, "", 1.5);
    }

    private async Task<(double All, double Start)> GapAsync(string container, CancellationToken cancellation)
    {
        var request = new SwapRequest
        {
            ContainerId = container, Level = Level.L0, ProbationMilliseconds = 0, Drain = new Drain { TimeoutMilliseconds = 0 },
            Ready = new Readiness { Kind = Kind.Delay, PeriodMilliseconds = 1 },
        };
        using var call = node.HotSwap.Swap(request, cancellationToken: cancellation);
        var at = new Dictionary<Phase, long>();
        while (await call.ResponseStream.MoveNext(cancellation)) at[call.ResponseStream.Current.Phase] = call.ResponseStream.Current.AtNanos;
        return ((at[Phase.Ready] - at[Phase.Drain]) / 1e6, (at[Phase.Ready] - at[Phase.Start]) / 1e6);
    }

    /// <summary>The container's own bundle under another id and cgroup, created, started and deleted by hand.</summary>
    private async Task<double> BareStartAsync(string container, int number)
    {
        var (root, bundle, id) = (Path.Combine(node.Work, "bare-runc"), Path.Combine(node.Work, $"bare-{number}"), $"bare-{number}");
        Directory.CreateDirectory(bundle);
        var config = JsonNode.Parse(await File.ReadAllTextAsync(node.ConfigOf(container)))!;
        config["linux"]!["cgroupsPath"] = $"{CgroupParent}/{id}";
        await File.WriteAllTextAsync(Path.Combine(bundle, "config.json"), config.ToJsonString());
        await node.ExecAsync("/usr/sbin/runc", "", [], "--root", root, "create", "--bundle", bundle, id);
        var clock = Stopwatch.StartNew();
        await node.ExecAsync("/usr/sbin/runc", "", [], "--root", root, "start", id);
        var elapsed = clock.Elapsed.TotalMilliseconds;
        await node.ExecAsync("/usr/sbin/runc", "", [], "--root", root, "delete", "--force", id);
        return elapsed;
    }
}
