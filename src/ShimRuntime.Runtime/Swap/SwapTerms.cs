using System.Net;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using static ShimRuntime.Cri.HotSwap.V1.Readiness.Types;

namespace ShimRuntime.Runtime.Swap;

/// <summary>A SwapRequest judged by its words alone, with what it leaves open filled in: by the pod's annotations, then by defaults.</summary>
public sealed record SwapTerms
{
    private const long DefaultTimeoutMilliseconds = 60_000;
    private const long DefaultPeriodMilliseconds = 1_000;
    private const long DefaultGraceMilliseconds = 10_000;
    private const long MostMilliseconds = 3_600_000;
    private const int MostIdChars = 128;
    private const int MostSuccesses = 100;
    private const int MaxSignal = 64;

    public required string RequestId { get; init; }

    public required Level Level { get; init; }

    /// <summary>Unspecified: KEEP with the same image, FRESH with another.</summary>
    public required Rootfs Rootfs { get; init; }

    /// <summary>Every number is set.</summary>
    public required Readiness Ready { get; init; }

    /// <summary>0: the container's stop signal.</summary>
    public required int DrainSignal { get; init; }

    public required long DrainMilliseconds { get; init; }

    public required long ProbationMilliseconds { get; init; }

    public required bool KeepsNew { get; init; }

    /// <exception cref="RuntimeFault">InvalidArgument with the field.</exception>
    public static SwapTerms Of(SwapRequest request, SwapOptIn? optIn)
    {
        ArgumentNullException.ThrowIfNull(request);
        CheckId(request.RequestId);
        CheckPatch(request.Patch);
        if (request.OnFailure is not (OnFailure.Unspecified or OnFailure.Rollback or OnFailure.KeepNew))
            throw Bad("on_failure", $"{(int)request.OnFailure} is unknown");
        return new SwapTerms
        {
            RequestId = request.RequestId.Length > 0 ? request.RequestId : Guid.NewGuid().ToString("N"),
            Level = LevelOf(request.Level != Level.Unspecified ? request.Level : From(optIn, "level", SwapAnnotations.LevelOf, Level.L0)),
            Rootfs = RootfsOf(request.Rootfs != Rootfs.Unspecified ? request.Rootfs : From(optIn, "rootfs", SwapAnnotations.RootfsOf, Rootfs.Unspecified)),
            Ready = Filled(request.Ready is { Kind: not Kind.Unspecified } ready ? ready : From(optIn, "ready", SwapAnnotations.ReadinessOf, request.Ready ?? new())),
            DrainSignal = request.Drain?.Signal is { } signal and (< 0 or > MaxSignal) ? throw Bad("drain.signal", $"{signal} is no signal") : request.Drain?.Signal ?? 0,
            DrainMilliseconds = Within(request.Drain is { HasTimeoutMilliseconds: true } drain
                ? drain.TimeoutMilliseconds : From(optIn, "drain", SwapAnnotations.MillisecondsOf, DefaultGraceMilliseconds), "drain.timeout_milliseconds"),
            ProbationMilliseconds = Within(request.HasProbationMilliseconds
                ? request.ProbationMilliseconds : From(optIn, "probation", SwapAnnotations.MillisecondsOf, DefaultGraceMilliseconds), "probation_milliseconds"),
            KeepsNew = request.OnFailure == OnFailure.KeepNew,
        };
    }

    private static T From<T>(SwapOptIn? optIn, string key, Func<string, T> parse, T otherwise) =>
        optIn is not null && optIn.Settings.TryGetValue(key, out var value) ? parse(value) : otherwise;

    private static void CheckId(string id)
    {
        if (id.Length > MostIdChars) throw Bad("request_id", $"has {id.Length} characters, {MostIdChars} are the most");
        if (!id.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')) throw Bad("request_id", "has other characters than A-Z a-z 0-9 . _ -");
    }

    private static void CheckPatch(Patch? patch)
    {
        if (patch is null) return;
        if (patch.Image.Any(char.IsControl)) throw Bad("patch.image", "has a control character in it");
        foreach (var name in patch.Env.Select(e => e.Name).Concat(patch.UnsetEnv))
        {
            if (name.Length == 0 || name.AsSpan().ContainsAny('=', '\0')) throw Bad("patch.env", $"'{ContainerPath.Show(name)}' is no name of a variable");
        }
    }

    private static Level LevelOf(Level level) => level switch
    {
        Level.L0 or Level.L1 or Level.L2 or Level.L3 => level,
        _ => throw Bad("level", $"{(int)level} is unknown"),
    };

    private static Rootfs RootfsOf(Rootfs rootfs) =>
        rootfs is Rootfs.Unspecified or Rootfs.Keep or Rootfs.Fresh ? rootfs : throw Bad("rootfs", $"{(int)rootfs} is unknown");

    private static Readiness Filled(Readiness asked)
    {
        var filled = asked.Clone();
        if (filled.Kind == Kind.Unspecified) filled.Kind = Kind.Delay;
        if (filled.TimeoutMilliseconds == 0) filled.TimeoutMilliseconds = DefaultTimeoutMilliseconds;
        if (filled.PeriodMilliseconds == 0) filled.PeriodMilliseconds = DefaultPeriodMilliseconds;
        if (filled.Successes == 0) filled.Successes = 1;
        Within(filled.TimeoutMilliseconds, "ready.timeout_milliseconds");
        Within(filled.PeriodMilliseconds, "ready.period_milliseconds");
        if (filled.Successes > MostSuccesses) throw Bad("ready.successes", $"{filled.Successes} is more than {MostSuccesses}");
        switch (filled.Kind)
        {
            case Kind.Tcp or Kind.Http:
                CheckEndpoint(filled);
                break;
            case Kind.Exec when filled.Command.Count == 0:
                throw Bad("ready.command", "is empty; say what to run");
            case Kind.Delay when filled.PeriodMilliseconds >= filled.TimeoutMilliseconds:
                throw Bad("ready.period_milliseconds", $"{filled.PeriodMilliseconds} is not below ready.timeout_milliseconds {filled.TimeoutMilliseconds}");
            case Kind.Notify or Kind.Exec or Kind.Delay:
                break;
            default:
                throw Bad("ready.kind", $"{(int)filled.Kind} is unknown");
        }

        return filled;
    }

    private static void CheckEndpoint(Readiness asked)
    {
        if (asked.Port is 0 or > ushort.MaxValue) throw Bad("ready.port", $"{asked.Port} is no port");
        if (asked.Host.Length > 0 && !IPAddress.TryParse(asked.Host, out _)) throw Bad("ready.host", $"'{ContainerPath.Show(asked.Host)}' is no IP address");
        if (asked.Path.Length == 0) asked.Path = "/";
        if (asked.Path[0] != '/' || asked.Path.Any(c => c is <= ' ' or >= (char)0x7f)) throw Bad("ready.path", "does not begin with '/', or is no printable ASCII");
    }

    private static long Within(long milliseconds, string field) =>
        milliseconds is >= 0 and <= MostMilliseconds ? milliseconds : throw Bad(field, $"{milliseconds} is not between 0 and {MostMilliseconds}");

    private static RuntimeFault Bad(string field, string cause) => RuntimeFault.InvalidArgument($"failed to swap container: {field} {cause}");
}
