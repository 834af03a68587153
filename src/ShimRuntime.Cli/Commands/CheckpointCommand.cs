using System.CommandLine;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class CheckpointCommand
{
    private const long DefaultTimeoutSeconds = 600;

    public static Command Create()
    {
        var target = new Argument<string>("target") { Description = "Container, by id or name; with --pod, a pod" };
        var file = new Argument<string>("file") { Description = "Archive to be written" };
        var timeout = new Option<long>("--within", "-t") { Description = "Seconds that it may take (containers)", HelpName = "SECONDS", DefaultValueFactory = _ => DefaultTimeoutSeconds };
        var pod = new Option<bool>("--pod") { Description = "The target is a pod: all its running containers, at one moment" };
        var command = new DescribedCommand("checkpoint", "Writes the state of a running container, or of a whole pod, to an archive; it goes on.",
            "shimctl checkpoint web /var/tmp/web.tar && shimctl run --name web2 /var/tmp/web.tar", "shimctl checkpoint --pod web /var/tmp/pod.tar");
        command.Arguments.Add(target);
        command.Arguments.Add(file);
        command.Options.Add(timeout);
        command.Options.Add(pod);
        command.Does(async (parsed, session, cancellation) =>
        {
            var (given, path) = (parsed.GetRequiredValue(target), Path.GetFullPath(parsed.GetRequiredValue(file)));
            var seconds = parsed.GetValue(timeout);
            var options = session.Call(cancellation, Session.Seconds(seconds + 30.0));
            if (parsed.GetValue(pod))
            {
                var found = await Lookup.PodAsync(session, given, cancellation);
                await session.Runtime.CheckpointPodAsync(new CheckpointPodRequest { PodSandboxId = found.Id, OutputPath = path }, options);
            }
            else
            {
                var container = await Lookup.ContainerAsync(session, given, cancellation);
                var request = new CheckpointContainerRequest { ContainerId = container.Id, Location = path, Timeout = seconds };
                await session.Runtime.CheckpointContainerAsync(request, options);
            }

            Console.WriteLine(path);
            return 0;
        });
        return command;
    }
}
