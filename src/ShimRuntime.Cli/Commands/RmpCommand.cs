using System.CommandLine;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class RmpCommand
{
    public static Command Create()
    {
        var targets = new Argument<string[]>("pod") { Description = "Pods, by id or name", Arity = ArgumentArity.OneOrMore };
        var force = new Option<bool>("--force", "-f") { Description = "Stop a ready pod and its containers first" };
        var command = new DescribedCommand("rmp", "Removes pods with their containers.", "shimctl rmp web", "shimctl rmp -f $(shimctl pods -q)");
        command.Arguments.Add(targets);
        command.Options.Add(force);
        command.Does(async (parsed, session, cancellation) =>
        {
            foreach (var given in parsed.GetRequiredValue(targets))
            {
                var pod = await Lookup.PodAsync(session, given, cancellation);
                if (pod.State == PodSandboxState.SandboxReady && !parsed.GetValue(force))
                    throw new UsageException($"pod '{given}' is ready; stop it first (shimctl stop {given}) or give --force");
                await session.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod.Id }, session.Call(cancellation));
                await session.Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = pod.Id }, session.Call(cancellation));
                Console.WriteLine(pod.Id);
            }

            return 0;
        });
        return command;
    }
}
