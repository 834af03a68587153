using System.CommandLine;
using System.Globalization;
using ShimRuntime.Cri.HotSwap.V1;

namespace ShimRuntime.Cli.Swapping;

/// <summary>Options of `shimctl swap` that make up a SwapRequest.</summary>
internal sealed class SwapArguments
{
    private readonly Option<string?> _image = new("--image") { Description = "New image, by digest or id; it has to be on the node", HelpName = "IMAGE" };
    private readonly Option<string[]> _command = Many("--command", "New entrypoint; may be repeated, a word each", "WORD");
    private readonly Option<string[]> _args = Many("--arg", "New arguments; may be repeated, a word each", "WORD");
    private readonly Option<string[]> _env = Many("--env", "Sets a variable; may be repeated", "NAME=VALUE");
    private readonly Option<string[]> _unset = Many("--unset-env", "Takes a variable away; may be repeated", "NAME");
    private readonly Option<string?> _workdir = new("--workdir") { Description = "New working directory", HelpName = "DIR" };
    private readonly Option<string?> _level = new("--level") { Description = "L0, L1, L2 or L3; the pod's annotation, else L0", HelpName = "LEVEL" };
    private readonly Option<string?> _rootfs = new("--rootfs") { Description = "keep or fresh; keep with the same image", HelpName = "WHAT" };
    private readonly Option<string?> _ready = new("--ready") { Description = "notify, tcp:PORT, http:PORT/PATH, exec:COMMAND or delay:SECONDS", HelpName = "HOW" };
    private readonly Option<double?> _readyWithin = new("--ready-within") { Description = "Seconds until it has failed (60)", HelpName = "SECONDS" };
    private readonly Option<double?> _drain = new("--drain") { Description = "Seconds between the old one's stop signal and SIGKILL (10)", HelpName = "SECONDS" };
    private readonly Option<int> _drainSignal = new("--drain-signal") { Description = "Stop signal of the old one, a number (the container's own)", HelpName = "N" };
    private readonly Option<double?> _probation = new("--probation") { Description = "Seconds for which the way back is open (10)", HelpName = "SECONDS" };
    private readonly Option<bool> _keepNew = new("--keep-new") { Description = "Keep a new one that does not become ready" };
    private readonly Option<uint> _expect = new("--expect") { Description = "Only if this generation is current", HelpName = "N" };
    private readonly Option<string?> _requestId = new("--request-id") { Description = "Joins the swap of that id instead of beginning another", HelpName = "ID" };
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Decide everything, change nothing" };

    public void AddTo(Command command)
    {
        Option[] patch = [_image, _command, _args, _env, _unset, _workdir];
        Option[] terms = [_level, _rootfs, _ready, _readyWithin, _drain, _drainSignal, _probation, _keepNew, _expect, _requestId, _dryRun];
        foreach (var option in patch.Concat(terms)) command.Options.Add(option);
    }

    public uint Expected(ParseResult parsed) => parsed.GetValue(_expect);

    public string RequestId(ParseResult parsed) => parsed.GetValue(_requestId) ?? "";

    /// <exception cref="UsageException">A value that is none.</exception>
    public SwapRequest Request(ParseResult parsed, string containerId)
    {
        var request = new SwapRequest
        {
            ContainerId = containerId,
            ExpectedGeneration = parsed.GetValue(_expect),
            RequestId = RequestId(parsed),
            Patch = Patch(parsed),
            Level = LevelOf(parsed.GetValue(_level)),
            Rootfs = RootfsOf(parsed.GetValue(_rootfs)),
            OnFailure = parsed.GetValue(_keepNew) ? OnFailure.KeepNew : OnFailure.Rollback,
            DryRun = parsed.GetValue(_dryRun),
        };
        if (parsed.GetValue(_ready) is { } ready) request.Ready = ReadinessOf(ready);
        if (parsed.GetValue(_readyWithin) is { } within) (request.Ready ??= new Readiness()).TimeoutMilliseconds = Milliseconds(within, "--ready-within");
        if (parsed.GetValue(_drain) is { } drain) request.Drain = new Drain { TimeoutMilliseconds = Milliseconds(drain, "--drain") };
        if (parsed.GetValue(_drainSignal) is not 0 and var signal) (request.Drain ??= new Drain()).Signal = signal;
        if (parsed.GetValue(_probation) is { } probation) request.ProbationMilliseconds = Milliseconds(probation, "--probation");
        return request;
    }

    internal static Readiness ReadinessOf(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var (kind, rest) = colon < 0 ? (text, "") : (text[..colon], text[(colon + 1)..]);
        switch (kind)
        {
            case "notify" when colon < 0:
                return new Readiness { Kind = Readiness.Types.Kind.Notify };
            case "tcp":
                return new Readiness { Kind = Readiness.Types.Kind.Tcp, Port = Port(rest) };
            case "http":
                var slash = rest.IndexOf('/', StringComparison.Ordinal);
                return new Readiness { Kind = Readiness.Types.Kind.Http, Port = Port(slash < 0 ? rest : rest[..slash]), Path = slash < 0 ? "/" : rest[slash..] };
            case "exec" when rest.Length > 0:
                return new Readiness { Kind = Readiness.Types.Kind.Exec, Command = { "/bin/sh", "-c", rest } };
            case "delay" when double.TryParse(rest, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds):
                return new Readiness { Kind = Readiness.Types.Kind.Delay, PeriodMilliseconds = Milliseconds(seconds, "--ready") };
            default:
                throw new UsageException($"--ready '{text}' is none of notify, tcp:PORT, http:PORT/PATH, exec:COMMAND, delay:SECONDS");
        }
    }

    private Patch? Patch(ParseResult parsed)
    {
        var patch = new Patch { Image = parsed.GetValue(_image) ?? "", WorkingDir = parsed.GetValue(_workdir) ?? "" };
        if (parsed.GetValue(_command) is { Length: > 0 } command) patch.Command = new Arguments { Values = { command } };
        if (parsed.GetValue(_args) is { Length: > 0 } args) patch.Args = new Arguments { Values = { args } };
        foreach (var pair in parsed.GetValue(_env) ?? [])
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0) throw new UsageException($"--env '{pair}' is not of the form NAME=VALUE");
            patch.Env.Add(new Variable { Name = pair[..equals], Value = pair[(equals + 1)..] });
        }

        patch.UnsetEnv.Add(parsed.GetValue(_unset) ?? []);
        return patch.CalculateSize() == 0 ? null : patch;
    }

    private static Option<string[]> Many(string name, string description, string helpName) => new(name) { Description = description, HelpName = helpName, Arity = ArgumentArity.OneOrMore };

    private static Level LevelOf(string? text) => text?.ToUpperInvariant() switch
    {
        null => Level.Unspecified,
        "L0" => Level.L0,
        "L1" => Level.L1,
        "L2" => Level.L2,
        "L3" => Level.L3,
        _ => throw new UsageException($"--level '{text}' is none of L0, L1, L2, L3"),
    };

    private static Rootfs RootfsOf(string? text) => text switch
    {
        null => Rootfs.Unspecified,
        "keep" => Rootfs.Keep,
        "fresh" => Rootfs.Fresh,
        _ => throw new UsageException($"--rootfs '{text}' is neither keep nor fresh"),
    };

    private static uint Port(string text) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0
        ? port : throw new UsageException($"--ready: '{text}' is no port");

    private static long Milliseconds(double seconds, string option) => seconds is >= 0 and <= 3600 ? (long)(seconds * 1000) : throw new UsageException($"{option} {seconds}: give 0 to 3600 seconds");
}
