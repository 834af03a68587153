namespace ShimRuntime.Bench;

/// <summary>
/// `shimruntime-bench quick BIN_DIRECTORY IMAGE.tar`: what daemon and shim add to bare runc and CNI for one pod up, and what they hold in memory. Prints
/// medians of interleaved rounds; exit code 1 where a row falls short of its budget.
/// </summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        if (arguments is not ["quick", var binaries, var image])
        {
            await Console.Error.WriteLineAsync("usage: shimruntime-bench quick BIN_DIRECTORY IMAGE.tar");
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
        await new PodUpBench(node).RunAsync(report, interrupt.Token);
        await new MemoryBench(node).RunAsync(report, interrupt.Token);
        return report.Print() ? 0 : 1;
    }
}
