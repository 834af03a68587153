using System.CommandLine;
using ShimRuntime.Cli.Streams;

namespace ShimRuntime.Cli.Commands;

internal static class PortForwardCommand
{
    public static Command Create()
    {
        var target = new Argument<string>("pod") { Description = "Pod, by id or name" };
        var ports = new Argument<string[]>("ports") { Description = "LOCAL:REMOTE, or one number for both; local 0: any free one", Arity = ArgumentArity.OneOrMore };
        var command = new DescribedCommand("port-forward",
            "Makes ports of a pod's loopback reachable on this machine's, until it is interrupted.", "shimctl port-forward web 8080:80");
        command.Arguments.Add(target);
        command.Arguments.Add(ports);
        command.Does(async (parsed, session, cancellation) =>
        {
            var pairs = parsed.GetRequiredValue(ports).Select(ForwardedPort.Parse).ToArray();
            var pod = await Lookup.PodAsync(session, parsed.GetRequiredValue(target), cancellation);
            await await Task.WhenAny(pairs.Select(p => new PortForwarder(session, pod.Id, p).RunAsync(cancellation)));
            return 0;
        });
        return command;
    }
}
