using System.CommandLine;
using System.Reflection;
using ShimRuntime.Cli.Output;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Commands;

internal static class VersionCommand
{
    public static Command Create()
    {
        var command = new DescribedCommand("version", "Versions of shimctl, the daemon and its API.", "shimctl version");
        command.Does(async (_, session, cancellation) =>
        {
            var answer = await session.Runtime.VersionAsync(new VersionRequest { Version = "v1" }, session.Call(cancellation));
            if (session.Json)
            {
                JsonOutput.Print(answer);
                return 0;
            }

            var client = typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
            Console.WriteLine($"shimctl  {client.Split('+')[0]}");
            Console.WriteLine($"runtime  {answer.RuntimeName} {answer.RuntimeVersion}");
            Console.WriteLine($"api      {answer.RuntimeApiVersion}");
            return 0;
        });
        return command;
    }
}
