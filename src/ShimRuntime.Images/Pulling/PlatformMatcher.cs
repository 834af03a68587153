using System.Runtime.InteropServices;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// Which entries of an index run here: linux on this machine's architecture, the highest variant that the processor has (amd64 v1…v4, arm64
/// v8), the first among equals.
/// </summary>
/// <param name="architecture">GOARCH name.</param>
/// <param name="level">Highest variant number that runs: 1…4 on amd64, 8 on arm64.</param>
internal sealed class PlatformMatcher(string architecture, int level)
{
    private static readonly string[] V2 = ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"];
    private static readonly string[] V3 = ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"];
    private static readonly string[] V4 = ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"];

    public string Name => $"linux/{architecture}";

    public static PlatformMatcher Host() => RuntimeInformation.OSArchitecture switch
    {
        Architecture.Arm64 => new PlatformMatcher("arm64", 8),
        _ => new PlatformMatcher("amd64", Amd64Level(File.ReadLines("/proc/cpuinfo"))),
    };

    /// <summary>
    /// The psABI's micro-architecture level from the kernel's "flags" line, which hides what the kernel does not support.
    /// </summary>
    public static int Amd64Level(IEnumerable<string> cpuinfo)
    {
        var line = cpuinfo.FirstOrDefault(l => l.StartsWith("flags", StringComparison.Ordinal)) ?? "";
        var flags = line.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToHashSet();
        if (!V2.All(flags.Contains)) return 1;
        if (!V3.All(flags.Contains)) return 2;
        return V4.All(flags.Contains) ? 4 : 3;
    }

    /// <summary>The entry to pull; null: none runs here. Entries without a platform come last, their config decides.</summary>
    public Descriptor? Choose(IEnumerable<Descriptor> entries) =>
        entries.Where(entry => Rank(entry.Platform) >= 0).OrderByDescending(entry => Rank(entry.Platform)).FirstOrDefault();

    /// <summary>Whether an image with this config runs here; what it does not say is taken to fit.</summary>
    public bool Runs(ImageConfigFile config) =>
        config.Os is null or "" or "linux" && (string.IsNullOrEmpty(config.Architecture) || config.Architecture == architecture);

    private int Rank(Platform? platform)
    {
        if (platform is null) return 0;
        if (platform.Os != "linux" || platform.Architecture != architecture) return -1;
        if (string.IsNullOrEmpty(platform.Variant)) return 1;
        return platform.Variant is ['v', var digit] && char.IsAsciiDigit(digit) && digit - '0' <= level ? 1 + (digit - '0') : -1;
    }
}
