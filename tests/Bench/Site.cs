using ShimRuntime.Linux;

namespace ShimRuntime.Bench;

/// <summary>A directory and a bridge of a bench's own, and programs run there.</summary>
/// <param name="Work">Deleted by its maker.</param>
/// <param name="Bridge">Made by the CNI plugin, deleted by the site's maker; also the network's name.</param>
internal sealed record Site(string Work, string Bridge, string Subnet, ExitWatcher Exits)
{
    public const string PluginDirectory = "/usr/lib/cni";

    public static Site At(string work) =>
        new(work, $"srbench{Random.Shared.Next(1000)}", $"10.{Random.Shared.Next(100, 150)}.{Random.Shared.Next(250)}.0/24", new ExitWatcher());

    /// <summary>Bridge and portmap, as a node has them.</summary>
    public string Conflist =>
        $$"""
        {"cniVersion":"1.0.0","name":"{{Bridge}}","plugins":[
         {"type":"bridge","bridge":"{{Bridge}}","isGateway":true,"ipMasq":true,
          "ipam":{"type":"host-local","dataDir":"{{Work}}/ipam","ranges":[[{"subnet":"{{Subnet}}"}]],"routes":[{"dst":"0.0.0.0/0"}]} },
         {"type":"portmap","capabilities":{"portMappings":true} } ]}
        """;

    /// <summary>Runs a program to its end; its stdout, or an exception with its stderr.</summary>
    public Task<string> ExecAsync(string path, string input, IReadOnlyList<string> environment, params string[] arguments) =>
        new Command(Exits, Work).RunAsync(path, input, environment, arguments);

    public Task<string> ExecAsync(string path, params string[] arguments) => ExecAsync(path, "", [], arguments);
}
