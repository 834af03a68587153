using System.CommandLine;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class InfoCommand
{
    public static Command Create()
    {
        var command = new DescribedCommand("info", "Is the runtime ready, is the network, what can it do. Exits 1 when not ready.", "shimctl info", "shimctl info -o json");
        command.Does(async (_, session, cancellation) =>
        {
            var answer = await session.Runtime.StatusAsync(new StatusRequest { Verbose = session.Json }, session.Call(cancellation));
            if (session.Json) JsonOutput.PrintWithInfo(answer);
            else Print(answer);
            return answer.Status.Conditions.All(c => c.Status) ? 0 : 1;
        });
        return command;
    }

    private static void Print(StatusResponse answer)
    {
        var conditions = new TextTable("CONDITION", "READY", "REASON", "MESSAGE");
        foreach (var c in answer.Status.Conditions) conditions.Add(c.Type, c.Status ? "yes" : "no", c.Reason, c.Message);
        conditions.Print();
        if (answer.RuntimeHandlers.Count == 0) return;
        Console.WriteLine();
        var handlers = new TextTable("HANDLER", "USER NAMESPACES", "RECURSIVE READ-ONLY MOUNTS");
        foreach (var h in answer.RuntimeHandlers) handlers.Add(h.Name.Length == 0 ? "(default)" : h.Name, YesNo(h.Features?.UserNamespaces), YesNo(h.Features?.RecursiveReadOnlyMounts));
        handlers.Print();
    }

    private static string YesNo(bool? value) => value == true ? "yes" : "no";
}
