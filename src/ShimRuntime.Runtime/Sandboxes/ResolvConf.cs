using System.Net;
using System.Text;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Sandboxes;

/// <summary>The pod's resolv.conf(5), from kubelet's dns_config or the host's own.</summary>
internal static class ResolvConf
{
    private const string HostFile = "/etc/resolv.conf";
    private const int MaxHostBytes = 64 * 1024;
    private const int MaxEntries = 64;
    private const int MaxEntryChars = 255;

    /// <summary>Each entry becomes one word of the file: nothing that would begin another word or line may be in it.</summary>
    public static void Check(DNSConfig? config)
    {
        if (config is null) return;
        foreach (var (field, values) in new[] { ("servers", config.Servers), ("searches", config.Searches), ("options", config.Options) })
        {
            if (values.Count > MaxEntries) throw SandboxValidation.Bad($"{values.Count} dns_config.{field} are more than {MaxEntries}");
            if (values.Any(v => v.Length is 0 or > MaxEntryChars || v.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c is '#' or ';')))
                throw SandboxValidation.Bad($"dns_config.{field} has an entry that is empty, longer than {MaxEntryChars} characters, or has white space, '#' or ';' in it");
        }

        if (config.Servers.FirstOrDefault(s => !IPAddress.TryParse(s, out _)) is { } bad)
            throw SandboxValidation.Bad($"dns_config.servers has '{bad}', which is no IP address");
    }

    /// <summary>The file's content, checked before; the host's when kubelet says nothing.</summary>
    public static byte[] Render(DNSConfig? config)
    {
        if (config is null || (config.Servers.Count == 0 && config.Searches.Count == 0 && config.Options.Count == 0)) return HostContent();
        var text = new StringBuilder();
        if (config.Searches.Count > 0) text.Append("search ").AppendJoin(' ', config.Searches).Append('\n');
        foreach (var server in config.Servers) text.Append("nameserver ").Append(server).Append('\n');
        if (config.Options.Count > 0) text.Append("options ").AppendJoin(' ', config.Options).Append('\n');
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static byte[] HostContent()
    {
        if (!File.Exists(HostFile)) return [];
        using var stream = File.OpenRead(HostFile);
        var content = new byte[Math.Min(stream.Length, MaxHostBytes)];
        return content[..stream.ReadAtLeast(content, content.Length, false)];
    }
}
