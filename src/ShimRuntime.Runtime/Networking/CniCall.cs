namespace ShimRuntime.Runtime.Networking;

/// <summary>The parameters of one plugin call that travel in its environment (CNI SPEC, section 2).</summary>
/// <param name="Command">ADD or DEL.</param>
/// <param name="NetnsPath">Empty when the namespace is gone: DEL then releases what lies outside of it.</param>
/// <param name="Arguments">CNI_ARGS: KEY=value pairs joined by ';'.</param>
internal sealed record CniCall(string Command, string ContainerId, string NetnsPath, string InterfaceName, string Arguments)
{
    /// <summary>Plugins run iptables, nft and ip from here.</summary>
    private const string SearchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The whole environment of the plugin; nothing is inherited from the daemon.</summary>
    public IReadOnlyList<string> Environment(IReadOnlyList<string> binDirectories) =>
    [
        SearchPath,
        $"CNI_COMMAND={Command}",
        $"CNI_CONTAINERID={ContainerId}",
        $"CNI_NETNS={NetnsPath}",
        $"CNI_IFNAME={InterfaceName}",
        $"CNI_ARGS={Arguments}",
        $"CNI_PATH={string.Join(':', binDirectories)}",
    ];
}
