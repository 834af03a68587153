using System.Collections.Immutable;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Swap;

/// <summary>
/// Pod annotations <c>hotswap.shimruntime.io/&lt;key&gt;</c> and <c>…/&lt;key&gt;.&lt;container&gt;</c>, the latter wins. Keys are level (L0, L1, L2, L3),
/// rootfs (keep, fresh), ready (notify, tcp:PORT, http:PORT[/PATH], exec:COMMAND in sh -c, delay:SECONDS), drain (seconds), probation
/// (seconds): defaults for swaps that do not say, never a permission; and trigger (a path in the container), whose file's change asks for one.
/// </summary>
public static class SwapAnnotations
{
    public const string Prefix = "hotswap.shimruntime.io/";
    private const double MostSeconds = 3600;

    /// <summary>Key of the path, in the container, of a file whose change asks for a swap.</summary>
    public const string Trigger = "trigger";
    private static readonly string[] Keys = ["level", "rootfs", "ready", "drain", "probation", Trigger];

    /// <summary>Null: the pod says nothing of it.</summary>
    public static SwapOptIn? Read(IEnumerable<KeyValuePair<string, string>> annotations, string container, HotSwapPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(annotations);
        ArgumentNullException.ThrowIfNull(policy);
        var (settings, ignored) = (ImmutableSortedDictionary.CreateBuilder<string, string>(), ImmutableSortedDictionary.CreateBuilder<string, string>());
        // The general key first, so that the container's own overwrites it.
        foreach (var (name, value) in annotations.Where(a => a.Key.StartsWith(Prefix, StringComparison.Ordinal)).OrderBy(a => a.Key.IndexOf('.', Prefix.Length) >= 0))
        {
            var key = name[Prefix.Length..];
            var dot = key.IndexOf('.', StringComparison.Ordinal);
            if (dot >= 0 && key[(dot + 1)..] != container) continue;
            var plain = dot < 0 ? key : key[..dot];
            if (Refusal(plain, value, policy) is { } why) ignored[key] = why;
            else settings[plain] = value;
        }

        var read = new SwapOptIn { Settings = settings.ToImmutable(), Ignored = ignored.ToImmutable() };
        return read.IsEmpty ? null : read;
    }

    /// <summary>Null when the value can be used.</summary>
    private static string? Refusal(string key, string value, HotSwapPolicy policy)
    {
        if (!Keys.Contains(key)) return $"unknown key; known are {string.Join(", ", Keys)}";
        if (!policy.Allows(key)) return "the node's [hotswap] allow does not name it";
        try
        {
            _ = key switch
            {
                "level" => (object)LevelOf(value),
                "rootfs" => RootfsOf(value),
                "ready" => ReadinessOf(value),
                Trigger => Bundles.ContainerPath.Clean(value, Trigger),
                _ => MillisecondsOf(value),
            };
            return null;
        }
        catch (RuntimeFault e)
        {
            return e.Message;
        }
    }

    /// <exception cref="RuntimeFault">InvalidArgument, as all here.</exception>
    public static Level LevelOf(string value) => value switch
    {
        "L0" => Level.L0,
        "L1" => Level.L1,
        "L2" => Level.L2,
        "L3" => Level.L3,
        _ => throw Bad(value, "is no level; give L0, L1, L2 or L3"),
    };

    public static Rootfs RootfsOf(string value) => value switch
    {
        "keep" => Rootfs.Keep,
        "fresh" => Rootfs.Fresh,
        _ => throw Bad(value, "is neither keep nor fresh"),
    };

    public static Readiness ReadinessOf(string value)
    {
        var colon = value.IndexOf(':', StringComparison.Ordinal);
        var (kind, rest) = colon < 0 ? (value, "") : (value[..colon], value[(colon + 1)..]);
        switch (kind)
        {
            case "notify" when colon < 0:
                return new Readiness { Kind = Readiness.Types.Kind.Notify };
            case "tcp":
                return new Readiness { Kind = Readiness.Types.Kind.Tcp, Port = PortOf(rest) };
            case "http":
                var slash = rest.IndexOf('/', StringComparison.Ordinal);
                return new Readiness
                {
                    Kind = Readiness.Types.Kind.Http, Port = PortOf(slash < 0 ? rest : rest[..slash]), Path = slash < 0 ? "/" : rest[slash..],
                };
            case "exec" when rest.Length > 0:
                return new Readiness { Kind = Readiness.Types.Kind.Exec, Command = { "/bin/sh", "-c", rest } };
            case "delay":
                return new Readiness { Kind = Readiness.Types.Kind.Delay, PeriodMilliseconds = MillisecondsOf(rest) };
            default:
                throw Bad(value, "is none of notify, tcp:PORT, http:PORT/PATH, exec:COMMAND, delay:SECONDS");
        }
    }

    public static long MillisecondsOf(string value) =>
        double.TryParse(value, System.Globalization.NumberStyles.AllowDecimalPoint, System.Globalization.CultureInfo.InvariantCulture, out var seconds)
            && seconds <= MostSeconds ? (long)(seconds * 1000) : throw Bad(value, $"is no number of seconds up to {MostSeconds}");

    private static uint PortOf(string text) =>
        ushort.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var port) && port > 0
            ? port : throw Bad(text, "is no port");

    private static RuntimeFault Bad(string value, string cause) => RuntimeFault.InvalidArgument($"'{Bundles.ContainerPath.Show(value)}' {cause}");
}
