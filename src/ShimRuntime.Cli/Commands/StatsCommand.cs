using System.CommandLine;
using System.Globalization;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class StatsCommand
{
    public static Command Create()
    {
        var target = new Argument<string?>("name") { Description = "One container (or pod), by id or name; all when absent", Arity = ArgumentArity.ZeroOrOne };
        var pods = new Option<bool>("--pods", "-p") { Description = "Pods, with their network, instead of containers" };
        var command = new DescribedCommand(
            "stats", "CPU, memory and writable layer of containers; network of pods.", "shimctl stats", "shimctl stats web -o json", "shimctl stats --pods");
        command.Arguments.Add(target);
        command.Options.Add(pods);
        command.Does((parsed, session, cancellation) => parsed.GetValue(pods)
            ? PodsAsync(session, parsed.GetValue(target), cancellation)
            : ContainersAsync(session, parsed.GetValue(target), cancellation));
        return command;
    }

    private static async Task<int> ContainersAsync(Session session, string? target, CancellationToken cancellation)
    {
        var filter = new ContainerStatsFilter();
        if (target is not null) filter.Id = (await Lookup.ContainerAsync(session, target, cancellation)).Id;
        var answer = await session.Runtime.ListContainerStatsAsync(new ListContainerStatsRequest { Filter = filter }, session.Call(cancellation));
        if (session.Json) JsonOutput.Print(answer);
        else Print(answer);
        return 0;
    }

    private static async Task<int> PodsAsync(Session session, string? target, CancellationToken cancellation)
    {
        var filter = new PodSandboxStatsFilter();
        if (target is not null) filter.Id = (await Lookup.PodAsync(session, target, cancellation)).Id;
        var answer = await session.Runtime.ListPodSandboxStatsAsync(new ListPodSandboxStatsRequest { Filter = filter }, session.Call(cancellation));
        if (session.Json) JsonOutput.Print(answer);
        else Print(answer);
        return 0;
    }

    private static void Print(ListContainerStatsResponse answer)
    {
        var table = new TextTable("CONTAINER", "NAME", "CPU %", "CPU TIME", "MEMORY", "DISK", "INODES");
        foreach (var s in answer.Stats.OrderBy(s => s.Attributes.Metadata.Name, StringComparer.Ordinal))
        {
            table.Add(Units.ShortId(s.Attributes.Id), s.Attributes.Metadata.Name, Percent(s.Cpu?.UsageNanoCores), Seconds(s.Cpu?.UsageCoreNanoSeconds),
                Size(s.Memory?.WorkingSetBytes), Size(s.WritableLayer?.UsedBytes), Number(s.WritableLayer?.InodesUsed));
        }

        table.Print();
    }

    private static void Print(ListPodSandboxStatsResponse answer)
    {
        var table = new TextTable("POD", "NAME", "CPU %", "CPU TIME", "MEMORY", "PROCESSES", "RECEIVED", "SENT");
        foreach (var s in answer.Stats.OrderBy(s => s.Attributes.Metadata.Name, StringComparer.Ordinal))
        {
            var (linux, network) = (s.Linux, s.Linux?.Network?.DefaultInterface);
            table.Add(Units.ShortId(s.Attributes.Id), s.Attributes.Metadata.Name, Percent(linux?.Cpu?.UsageNanoCores), Seconds(linux?.Cpu?.UsageCoreNanoSeconds),
                Size(linux?.Memory?.WorkingSetBytes), Number(linux?.Process?.ProcessCount), Size(network?.RxBytes), Size(network?.TxBytes));
        }

        table.Print();
    }

    private static string Percent(UInt64Value? nanoCores) => nanoCores is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{nanoCores.Value / 1e7:0.00}");

    private static string Seconds(UInt64Value? nanos) => nanos is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{nanos.Value / 1e9:0.000}s");

    private static string Size(UInt64Value? bytes) => bytes is null ? "-" : Units.Bytes(bytes.Value);

    private static string Number(UInt64Value? count) => count is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{count.Value}");
}
