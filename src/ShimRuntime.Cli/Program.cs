using System.CommandLine;
using System.CommandLine.Help;
using ShimRuntime.Cli.Commands;

namespace ShimRuntime.Cli;

/// <summary>shimctl: what a node operator types. A plain client of the CRI and operator APIs.</summary>
internal static class Program
{
    private static readonly string[] Examples =
    [
        "shimctl pull registry.k8s.io/pause:3.10",
        "shimctl run --name web docker.io/library/nginx:1.27",
        "shimctl ps && shimctl logs -f web && shimctl exec web -- cat /etc/hostname",
        "shimctl rmp -f web",
    ];

    /// <summary>0, or 1: the daemon's or the command's no; 2: the command line can't be read.</summary>
    private static async Task<int> Main(string[] arguments)
    {
        var parsed = Build().Parse(arguments);
        var code = await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        return code != 0 && parsed.Errors.Count > 0 ? 2 : code;
    }

    internal static RootCommand Build()
    {
        var root = new RootCommand("shimctl talks to shimruntimed, a Kubernetes container runtime.");
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new ExampleHelp((HelpAction)help.Action!, Examples);
        root.Options.Add(GlobalOptions.Endpoint);
        root.Options.Add(GlobalOptions.Output);
        root.Options.Add(GlobalOptions.Timeout);
        foreach (var command in Subcommands()) root.Subcommands.Add(command);
        return root;
    }

    private static Command[] Subcommands() =>
    [
        VersionCommand.Create(), InfoCommand.Create(), PodsCommand.Create(), PsCommand.Create(), ImagesCommand.Create(),
        PullCommand.Create(), ImageCommand.Create(), RunCommand.Create(), LogsCommand.Create(), ExecCommand.Create(),
         AttachCommand.Create(), PortForwardCommand.Create(), StopCommand.Create(), UpdateCommand.Create(), RmCommand.Create(),
         RmpCommand.Create(), InspectCommand.Create(), StatsCommand.Create(), EventsCommand.Create(), MetricsCommand.Create(),
         CheckpointCommand.Create(), RestoreCommand.Create(), SwapCommand.Create(), UpgradeCommand.Create(), DoctorCommand.Create(),
    ];
}
