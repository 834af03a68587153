using System.CommandLine;
using System.Globalization;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class StatsCommand
{
    public static Command Create()
    {
        var target = new Argument<string?>("container") { Description = "One container, by id or name; all when absent", Arity = ArgumentArity.ZeroOrOne };
        var command = new DescribedCommand("stats", "CPU, memory and writable layer of containers.", "shimctl stats", "shimctl stats web -o json");
        command.Arguments.Add(target);
        command.Does(async (parsed, session, cancellation) =>
        {
            var filter = new ContainerStatsFilter();
            if (parsed.GetValue(target) is { } given) filter.Id = (await Lookup.ContainerAsync(session, given, cancellation)).Id;
            var answer = await session.Runtime.ListContainerStatsAsync(new ListContainerStatsRequest { Filter = filter }, session.Call(cancellation));
            if (session.Json) JsonOutput.Print(answer);
            else Print(answer);
            return 0;
        });
        return command;
    }

    private static void Print(ListContainerStatsResponse answer)
    {
        var table = new TextTable("CONTAINER", "NAME", "CPU %", "CPU TIME", "MEMORY", "DISK", "INODES");
        foreach (var s in answer.Stats.OrderBy(s => s.Attributes.Metadata.Name, StringComparer.Ordinal))
        {
            table.Add(Units.ShortId(s.Attributes.Id), s.Attributes.Metadata.Name, Percent(s.Cpu?.UsageNanoCores), Seconds(s.Cpu?.UsageCoreNanoSeconds),
                Size(s.Memory?.WorkingSetBytes), Size(s.WritableLayer?.UsedBytes), s.WritableLayer?.InodesUsed is { } inodes ? $"{inodes.Value}" : "-");
        }

        table.Print();
    }

    private static string Percent(UInt64Value? nanoCores) => nanoCores is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{nanoCores.Value / 1e7:0.00}");

    private static string Seconds(UInt64Value? nanos) => nanos is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{nanos.Value / 1e9:0.000}s");

    private static string Size(UInt64Value? bytes) => bytes is null ? "-" : Units.Bytes(bytes.Value);
}
