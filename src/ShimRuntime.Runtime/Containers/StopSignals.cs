using System.Collections.Frozen;
using System.Globalization;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Containers;

/// <summary>The signal that a stop begins with: the request's, else the image's, else SIGTERM. Numbers are x86-64's and arm64's (signal(7)).</summary>
public static class StopSignals
{
    public const int Default = 15;
    private const int RealtimeMin = 34; // glibc keeps 32 and 33 for itself
    private const int RealtimeMax = 64;

    private static readonly FrozenDictionary<string, int> Numbers = new Dictionary<string, int>
    {
        ["HUP"] = 1, ["INT"] = 2, ["QUIT"] = 3, ["ILL"] = 4, ["TRAP"] = 5, ["ABRT"] = 6, ["IOT"] = 6, ["BUS"] = 7, ["FPE"] = 8,
        ["KILL"] = 9, ["USR1"] = 10, ["SEGV"] = 11, ["USR2"] = 12, ["PIPE"] = 13, ["ALRM"] = 14, ["TERM"] = 15, ["STKFLT"] = 16,
        ["CHLD"] = 17, ["CLD"] = 17, ["CONT"] = 18, ["STOP"] = 19, ["TSTP"] = 20, ["TTIN"] = 21, ["TTOU"] = 22, ["URG"] = 23,
        ["XCPU"] = 24, ["XFSZ"] = 25, ["VTALRM"] = 26, ["PROF"] = 27, ["WINCH"] = 28, ["IO"] = 29, ["POLL"] = 29, ["PWR"] = 30,
        ["SYS"] = 31, ["RTMIN"] = RealtimeMin, ["RTMAX"] = RealtimeMax,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <exception cref="RuntimeFault">InvalidArgument: the image names a signal that there is not.</exception>
    public static int Choose(Signal requested, string? image)
    {
        if (requested != Signal.RuntimeDefault) return NumberOf(requested);
        if (string.IsNullOrEmpty(image)) return Default;
        return Parse(image) ?? throw RuntimeFault.InvalidArgument(
            $"failed to create container: the image's stop signal '{image}' is no signal; set stop_signal in the pod or fix the image");
    }

    /// <summary>"SIGTERM", "term", "15", "SIGRTMIN+3", "RTMAX-1". Null: no signal of Linux.</summary>
    public static int? Parse(string text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return number is >= 1 and <= RealtimeMax ? number : null;
        var name = text.ToUpperInvariant();
        if (name.StartsWith("SIG", StringComparison.Ordinal)) name = name[3..];
        if (Numbers.TryGetValue(name, out var known)) return known;
        if (name.Length < 7 || name[..5] is not ("RTMIN" or "RTMAX")) return null;
        if (!int.TryParse(name.AsSpan(6), NumberStyles.None, CultureInfo.InvariantCulture, out var offset)) return null;
        var signal = (name[..6]) switch
        {
            "RTMIN+" => RealtimeMin + offset,
            "RTMAX-" => RealtimeMax - offset,
            _ => 0,
        };
        return signal is >= RealtimeMin and <= RealtimeMax ? signal : null;
    }

    /// <summary>CRI's name of a number, for ContainerStatus.</summary>
    public static Signal ToCri(int number) => ByNumber.TryGetValue(number, out var signal) ? signal : Signal.RuntimeDefault;

    private static readonly FrozenDictionary<int, Signal> ByNumber = Enum.GetValues<Signal>()
        .Where(s => s is not (Signal.RuntimeDefault or Signal.Sigcld or Signal.Sigiot or Signal.Sigpoll))
        .DistinctBy(NumberOf).ToFrozenDictionary(NumberOf);

    private static int NumberOf(Signal signal)
    {
        if (signal is >= Signal.Sigrtmin and <= Signal.Sigrtminplus15) return RealtimeMin + (signal - Signal.Sigrtmin);
        if (signal is >= Signal.Sigrtmaxminus14 and <= Signal.Sigrtmax) return RealtimeMax - (Signal.Sigrtmax - signal);
        return Numbers[signal.ToString().ToUpperInvariant()["SIG".Length..]];
    }
}
