using System.CommandLine;

namespace ShimRuntime.Cli;

/// <summary>Options that every command takes.</summary>
internal static class GlobalOptions
{
    public const string JsonFormat = "json";
    public const string EndpointVariable = "SHIMRUNTIME_ENDPOINT";
    private const string DefaultEndpoint = "unix:///run/shimruntime/shimruntime.sock";

    public static readonly Option<string> Endpoint = new("--endpoint", "-e")
    {
        Description = $"Socket of the daemon (also ${EndpointVariable})",
        HelpName = "unix:///PATH",
        Recursive = true,
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable(EndpointVariable) is { Length: > 0 } set ? set : DefaultEndpoint,
    };

    public static readonly Option<string> Output = new Option<string>("--output", "-o")
    {
        Description = "table or json",
        HelpName = "table|json",
        Recursive = true,
        DefaultValueFactory = _ => "table",
    }.AcceptOnlyFromAmong("table", JsonFormat);

    public static readonly Option<double> Timeout = new("--timeout")
    {
        Description = "Seconds that one call to the daemon may take; pulls and stops have their own",
        HelpName = "SECONDS",
        Recursive = true,
        DefaultValueFactory = _ => 120,
    };
}
