using System.Globalization;

namespace ShimRuntime.PowerLoss.Tests.Trace;

/// <summary>One system call of a trace that has succeeded.</summary>
/// <param name="Name">Such as "renameat2".</param>
/// <param name="Arguments">As strace prints them.</param>
/// <param name="Result">The returned number.</param>
/// <param name="ResultPath">What the returned descriptor stands for; null: it is none, or strace does not know.</param>
public sealed record TracedCall(string Name, IReadOnlyList<string> Arguments, long Result, string? ResultPath)
{
    /// <summary>The thread that called.</summary>
    public required int Thread { get; init; }

    /// <summary>Seconds since the epoch at which the call returned.</summary>
    public required double ReturnedAt { get; init; }

    /// <summary>Position in the trace where it was entered: what other calls had done before is what this one, if it is an fsync, makes durable.</summary>
    public required int EnteredAtLine { get; init; }

    /// <summary>Position in the trace where it returned.</summary>
    public required int ReturnedAtLine { get; init; }

    /// <summary>An argument that is a number: decimal, octal with a leading 0, or hexadecimal.</summary>
    public long Number(int index)
    {
        var text = Arguments[index];
        if (text.StartsWith("0x", StringComparison.Ordinal)) return long.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return text.Length > 1 && text[0] == '0' ? Convert.ToInt64(text, 8) : long.Parse(text, CultureInfo.InvariantCulture);
    }

    public bool Has(int index, string flag) => index < Arguments.Count && Arguments[index].Split('|').Contains(flag);
}
