using System.CommandLine;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class PsCommand
{
    public static Command Create()
    {
        var all = new Option<bool>("--all", "-a") { Description = "Also containers that do not run" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Only ids" };
        var pod = new Option<string?>("--pod", "-p") { Description = "Only containers of this pod", HelpName = "POD" };
        var command = new DescribedCommand("ps", "Lists containers, newest first.", "shimctl ps", "shimctl ps -a --pod web");
        command.Options.Add(all);
        command.Options.Add(quiet);
        command.Options.Add(pod);
        command.Does(async (parsed, session, cancellation) =>
        {
            var filter = new ContainerFilter();
            if (!parsed.GetValue(all)) filter.State = new ContainerStateValue { State = ContainerState.ContainerRunning };
            if (parsed.GetValue(pod) is { } given) filter.PodSandboxId = (await Lookup.PodAsync(session, given, cancellation)).Id;
            var answer = await session.Runtime.ListContainersAsync(new ListContainersRequest { Filter = filter }, session.Call(cancellation));
            if (session.Json) JsonOutput.Print(answer);
            else Print(answer, parsed.GetValue(quiet));
            return 0;
        });
        return command;
    }

    private static void Print(ListContainersResponse answer, bool quiet)
    {
        var containers = answer.Containers.OrderByDescending(c => c.CreatedAt);
        if (quiet)
        {
            foreach (var container in containers) Console.WriteLine(container.Id);
            return;
        }

        var table = new TextTable("CONTAINER", "NAME", "STATE", "AGE", "ATTEMPT", "POD ID", "IMAGE");
        foreach (var c in containers)
        {
            var image = c.Image?.UserSpecifiedImage is { Length: > 0 } asked ? asked : c.Image?.Image ?? "";
            table.Add(Units.ShortId(c.Id), c.Metadata.Name, State(c.State), Units.Age(c.CreatedAt, DateTimeOffset.UtcNow), $"{c.Metadata.Attempt}",
                Units.ShortId(c.PodSandboxId), image.StartsWith("sha256:", StringComparison.Ordinal) ? Units.ShortId(image) : image);
        }

        table.Print();
    }

    private static string State(ContainerState state) => state switch
    {
        ContainerState.ContainerCreated => "Created",
        ContainerState.ContainerRunning => "Running",
        ContainerState.ContainerExited => "Exited",
        _ => "Unknown",
    };
}
