using System.Globalization;
using Google.Protobuf;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Running;

/// <summary>Words of `shimctl run` to CRI messages; what does not fit is a <see cref="UsageException"/> that shows the right form.</summary>
internal static class RunArguments
{
    private const long CpuPeriodMicroseconds = 100_000; // the kernel's default

    public static string NameFromImage(string reference)
    {
        var name = reference.Split('@')[0].Split('/')[^1].Split(':')[0];
        return $"{name}-{Guid.NewGuid().ToString("N")[..5]}";
    }

    public static KeyValue Variable(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0) throw new UsageException($"--env '{text}': write KEY=VALUE");
        return new KeyValue { Key = text[..equals], Value = ByteString.CopyFromUtf8(text[(equals + 1)..]) };
    }

    public static Mount Volume(string text)
    {
        var parts = text.Split(':');
        if (parts.Length is not (2 or 3) || !parts[0].StartsWith('/') || !parts[1].StartsWith('/') || parts is [_, _, not ("ro" or "rw")])
            throw new UsageException($"--volume '{text}': write /HOST:/CONTAINER, with :ro for read-only");
        return new Mount { HostPath = parts[0], ContainerPath = parts[1], Readonly = parts is [_, _, "ro"] };
    }

    public static PortMapping Port(string text)
    {
        var (ports, protocol) = text.Split('/') switch
        {
            [var p] => (p, Protocol.Tcp),
            [var p, "tcp"] => (p, Protocol.Tcp),
            [var p, "udp"] => (p, Protocol.Udp),
            [var p, "sctp"] => (p, Protocol.Sctp),
            _ => ("", Protocol.Tcp),
        };
        if (ports.Split(':') is not [var host, var container] || !IsPort(host, out var hostPort) || !IsPort(container, out var containerPort))
            throw new UsageException($"--publish '{text}': write HOSTPORT:CONTAINERPORT, with /udp or /sctp for another protocol");
        return new PortMapping { HostPort = hostPort, ContainerPort = containerPort, Protocol = protocol };
    }

    /// <summary>As Kubernetes writes profiles: runtime/default, unconfined, localhost/NAME.</summary>
    public static SecurityProfile Apparmor(string text) => text switch
    {
        "runtime/default" => new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.RuntimeDefault },
        "unconfined" => new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.Unconfined },
        _ when text.StartsWith("localhost/", StringComparison.Ordinal) =>
            new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.Localhost, LocalhostRef = text["localhost/".Length..] },
        _ => throw new UsageException($"--apparmor '{text}': write runtime/default, unconfined or localhost/NAME"),
    };

    public static KeyValuePair<string, string> Pair(string option, string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0) throw new UsageException($"{option} '{text}': write NAME=VALUE");
        return new KeyValuePair<string, string>(text[..equals], text[(equals + 1)..]);
    }

    public static HugepageLimit Hugepages(string text)
    {
        var (size, limit) = Pair("--hugepages", text);
        return new HugepageLimit { PageSize = size, Limit = (ulong)MemoryBytes(limit, "--hugepages") };
    }

    public static LinuxContainerResources Resources(string? memory, double cpus)
    {
        var resources = new LinuxContainerResources();
        if (memory is not null) resources.MemoryLimitInBytes = MemoryBytes(memory);
        if (!(cpus >= 0)) throw new UsageException($"--cpus {cpus.ToString(CultureInfo.InvariantCulture)}: must be positive");
        if (cpus > 0) (resources.CpuPeriod, resources.CpuQuota) = (CpuPeriodMicroseconds, (long)(cpus * CpuPeriodMicroseconds));
        return resources;
    }

    internal static long MemoryBytes(string text, string option = "--memory")
    {
        var shift = text switch
        {
            [.., 'K', 'i'] => 10,
            [.., 'M', 'i'] => 20,
            [.., 'G', 'i'] => 30,
            _ => 0,
        };
        var digits = shift == 0 ? text : text[..^2];
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value <= 0 || value > long.MaxValue >> shift)
            throw new UsageException($"{option} '{text}': write bytes, or a number with Ki, Mi or Gi");
        return value << shift;
    }

    private static bool IsPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and <= 65535;
}
