using System.Globalization;

namespace ShimRuntime.Runtime.Networking;

/// <summary>Kubernetes' quantities: a decimal number and a suffix, such as 10M, 1.5Gi, 100k, 2e6.</summary>
internal static class Quantity
{
    private static readonly (string Suffix, decimal Factor)[] Suffixes =
    [
        ("Ki", 1024m), ("Mi", 1024m * 1024), ("Gi", 1024m * 1024 * 1024), ("Ti", 1024m * 1024 * 1024 * 1024),
        ("Pi", 1024m * 1024 * 1024 * 1024 * 1024), ("m", 0.001m), ("k", 1e3m), ("M", 1e6m), ("G", 1e9m), ("T", 1e12m), ("P", 1e15m),
    ];

    /// <summary>Rounded up to a whole number; null for anything else than a quantity, or one beyond 64 bits.</summary>
    public static long? TryParse(string text)
    {
        var found = Array.FindIndex(Suffixes, s => text.EndsWith(s.Suffix, StringComparison.Ordinal));
        var (suffix, factor) = found < 0 ? ("", 1m) : Suffixes[found];
        const NumberStyles style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent | NumberStyles.AllowLeadingSign;
        if (!decimal.TryParse(text.AsSpan(0, text.Length - suffix.Length), style, CultureInfo.InvariantCulture, out var number)) return null;
        try
        {
            return decimal.ToInt64(decimal.Ceiling(number * factor));
        }
        catch (OverflowException)
        {
            return null;
        }
    }
}
