using System.Runtime.InteropServices;
using ShimRuntime.Bench.Peer;
using ShimRuntime.Bench.Restart;
using ShimRuntime.Bench.Swap;

namespace ShimRuntime.Bench;

/// <summary>
/// `shimruntime-bench quick BIN_DIRECTORY IMAGE.tar`: every budget that a machine can be asked about in two minutes. A name of a part instead of `quick`
/// measures that part alone. `swap BIN_DIRECTORY IMAGE.tar KESTREL.tar NGINX.tar` swaps two servers under load, `restart
/// BIN_DIRECTORY IMAGE.tar WRITER` replaces daemon and shims under a full node. Prints medians; exit code 1 where a
/// row falls short of its budget.
/// </summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        if (arguments is ["compare", .. var compareArguments]) return await CompareAsync(compareArguments);
        var swaps = arguments is ["swap", _, _, .. var swapArguments] ? SwapSuite.TryParse(swapArguments) : null;
        var restarts = arguments is ["restart", _, _, .. var restartArguments] ? RestartSuite.TryParse(restartArguments) : null;
        if (arguments is not [("quick" or "pod-up" or "memory" or "scale" or "log" or "swap" or "restart") and var part, var binaries, var image, .. var rest]
            || (part == "swap" ? swaps is null : part == "restart" ? restarts is null : rest.Length > 0))
        {
            await Console.Error.WriteLineAsync("usage: shimruntime-bench quick|pod-up|memory|scale|log BIN_DIRECTORY IMAGE.tar\n"
                + $"       shimruntime-bench swap BIN_DIRECTORY IMAGE.tar {SwapSuite.Usage}\n"
                + $"       shimruntime-bench restart BIN_DIRECTORY IMAGE.tar {RestartSuite.Usage}");
            return 2;
        }

        using var interrupt = new CancellationTokenSource();
        Console.CancelKeyPress += (_, e) =>
        {
            e.Cancel = true; // the node is taken down before the process ends
            interrupt.Cancel();
        };
        await using var node = await BenchNode.StartAsync(binaries, image, interrupt.Token);
        var report = new Report();
        if (part is "quick" or "memory") new MemoryBench(node).MeasureIdle(report);
        if (part is "quick" or "pod-up") await new PodUpBench(node).RunAsync(report, interrupt.Token);
        if (part is "quick" or "memory") await new MemoryBench(node).RunAsync(report, interrupt.Token);
        if (part is "quick" or "log") await new LogBench(node).RunAsync(report, interrupt.Token);
        if (part is "quick" or "scale") await new ScaleBench(node).RunAsync(report, interrupt.Token);
        if (swaps is not null) await swaps.RunAsync(node, report, interrupt.Token);
        if (restarts is not null) await new RestartBench(node, restarts).RunAsync(report, interrupt.Token);
        return report.Print() ? 0 : 1;
    }

    private static async Task<int> CompareAsync(string[] arguments)
    {
        if (CompareSuite.TryParse(arguments) is not { } suite)
        {
            await Console.Error.WriteLineAsync($"usage: shimruntime-bench {CompareSuite.Usage}\nrows: {CompareSuite.RowNames}");
            return 2;
        }

        using var end = new CancellationTokenSource();
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            end.Cancel();
        });
        return await suite.RunAsync(end.Token) ? 0 : 1;
    }
}
