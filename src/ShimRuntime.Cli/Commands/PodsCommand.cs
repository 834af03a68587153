using System.CommandLine;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class PodsCommand
{
    public static Command Create()
    {
        var ready = new Option<bool>("--ready") { Description = "Only pods that are ready" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Only ids" };
        var command = new DescribedCommand("pods", "Lists pods, newest first.", "shimctl pods", "shimctl pods --ready -q");
        command.Options.Add(ready);
        command.Options.Add(quiet);
        command.Does(async (parsed, session, cancellation) =>
        {
            var filter = new PodSandboxFilter();
            if (parsed.GetValue(ready)) filter.State = new PodSandboxStateValue { State = PodSandboxState.SandboxReady };
            var answer = await session.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest { Filter = filter }, session.Call(cancellation));
            if (session.Json) JsonOutput.Print(answer);
            else Print(answer, parsed.GetValue(quiet));
            return 0;
        });
        return command;
    }

    private static void Print(ListPodSandboxResponse answer, bool quiet)
    {
        var pods = answer.Items.OrderByDescending(p => p.CreatedAt);
        if (quiet)
        {
            foreach (var pod in pods) Console.WriteLine(pod.Id);
            return;
        }

        var table = new TextTable("POD ID", "NAME", "NAMESPACE", "STATE", "AGE", "ATTEMPT");
        foreach (var p in pods)
        {
            var state = p.State == PodSandboxState.SandboxReady ? "Ready" : "NotReady";
            table.Add(Units.ShortId(p.Id), p.Metadata.Name, p.Metadata.Namespace, state, Units.Age(p.CreatedAt, DateTimeOffset.UtcNow), $"{p.Metadata.Attempt}");
        }

        table.Print();
    }
}
