using System.Globalization;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// The signal that a stop begins with, by signal(7)'s numbers on x86-64 and arm64: the request's, else the image's, else SIGTERM.
/// </summary>
public static class StopSignals
{
    private const int SIGTERM = 15;
    private const int SIGRTMIN = 34; // glibc and musl keep 32 and 33 for themselves
    private const int SIGRTMAX = 64;

    private static readonly Dictionary<string, int> Numbers = new()
    {
        ["HUP"] = 1, ["INT"] = 2, ["QUIT"] = 3, ["ILL"] = 4, ["TRAP"] = 5, ["ABRT"] = 6, ["IOT"] = 6, ["BUS"] = 7, ["FPE"] = 8, ["KILL"] = 9,
        ["USR1"] = 10, ["SEGV"] = 11, ["USR2"] = 12, ["PIPE"] = 13, ["ALRM"] = 14, ["TERM"] = 15, ["STKFLT"] = 16, ["CHLD"] = 17, ["CLD"] = 17,
        ["CONT"] = 18, ["STOP"] = 19, ["TSTP"] = 20, ["TTIN"] = 21, ["TTOU"] = 22, ["URG"] = 23, ["XCPU"] = 24, ["XFSZ"] = 25, ["VTALRM"] = 26,
        ["PROF"] = 27, ["WINCH"] = 28, ["IO"] = 29, ["POLL"] = 29, ["PWR"] = 30, ["SYS"] = 31, ["RTMIN"] = SIGRTMIN, ["RTMAX"] = SIGRTMAX,
    };

    /// <summary>Signal number 1–64. InvalidArgument when what is asked for is no signal.</summary>
    /// <param name="imageStopSignal">"SIGINT", "INT", "2", "SIGRTMIN+3"; null or empty: the image asks for nothing.</param>
    public static int Choose(Signal requested, string? imageStopSignal)
    {
        if (requested == Signal.RuntimeDefault) return string.IsNullOrWhiteSpace(imageStopSignal) ? SIGTERM : ParseImage(imageStopSignal);
        return NumberOf(requested) ?? throw Refusal.Invalid("stop_signal", $"{(int)requested} is no signal of CRI");
    }

    /// <summary>As ContainerStatus.stop_signal.</summary>
    public static Signal ToCri(int number)
    {
        foreach (var signal in Enum.GetValues<Signal>())
        {
            if (signal != Signal.RuntimeDefault && NumberOf(signal) == number) return signal;
        }

        return Signal.RuntimeDefault;
    }

    /// <summary>"SIGTERM", "term", "15", "SIGRTMAX-1"; null: no signal.</summary>
    public static int? Parse(string text)
    {
        var name = text.Trim().ToUpperInvariant();
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return number is >= 1 and <= SIGRTMAX ? number : null;
        if (name.StartsWith("SIG", StringComparison.Ordinal)) name = name[3..];
        if (Numbers.TryGetValue(name, out number)) return number;
        return RealTime(name, "RTMIN+", 1, SIGRTMIN) ?? RealTime(name, "RTMAX-", -1, SIGRTMAX);
    }

    private static int ParseImage(string text) =>
        Parse(text)
            ?? throw Refusal.Invalid("image StopSignal", $"'{ContainerPath.Show(text)}' is no signal; set stop_signal in the request");

    private static int? RealTime(string name, string prefix, int direction, int start)
    {
        if (!name.StartsWith(prefix, StringComparison.Ordinal)) return null;
        if (!int.TryParse(name[prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var offset)) return null;
        return offset <= SIGRTMAX - SIGRTMIN ? start + (direction * offset) : null;
    }

    // CRI's names carry the number: SIGNAL_SIGRTMINPLUS3 is SIGRTMIN+3.
    private static int? NumberOf(Signal signal)
    {
        if (!Enum.IsDefined(signal)) return null;
        var name = signal.ToString().ToUpperInvariant();
        return Parse(name.Replace("PLUS", "+", StringComparison.Ordinal).Replace("MINUS", "-", StringComparison.Ordinal));
    }
}
