using System.Reflection;
using ShimRuntime.Daemon.Checks;
using ShimRuntime.Daemon.Configuration;
using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon;

/// <summary>
/// shimruntimed. Exit codes: 0 ended as asked; 1 it can't serve (one sentence on stderr says why); 2 wrong flags or settings.
/// </summary>
internal static class Program
{
    private const int Failed = 1;
    private const int BadSettings = 2;

    public static string Version { get; } =
        typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private static async Task<int> Main(string[] arguments)
    {
        try
        {
            var line = CommandLine.Parse(arguments);
            switch (line.Invocation)
            {
                case Invocation.Help:
                    Console.Out.Write(HelpText.Render());
                    return 0;
                case Invocation.Version:
                    Console.Out.WriteLine($"shimruntimed {Version}");
                    return 0;
                case Invocation.Check:
                    return await EnvironmentCheck.RunAsync(line.Load(), Console.Out) ? 0 : Failed;
                case Invocation.Doctor:
                    return await DoctorRun.RunAsync(line.Load(), line.Fix, Console.Out) ? 0 : Failed;
                case Invocation.TakeOver:
                    return await DaemonHost.TakeOverAsync(line.Load());
                default:
                    return await DaemonHost.RunAsync(line.Load());
            }
        }
        catch (ConfigException e)
        {
            Console.Error.WriteLine($"shimruntimed: {e.Message}");
            return BadSettings;
        }
        catch (Exception e) when (e is RuntimeFault or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"shimruntimed: {e.Message}");
            return Failed;
        }
    }
}
