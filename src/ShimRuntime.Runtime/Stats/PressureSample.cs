using System.Buffers.Text;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Stats;

/// <summary>
/// Pressure stall information as the kernel writes it (accounting/psi.rst): "some avg10=0.00 avg60=0.00 avg300=0.00 total=0".
/// </summary>
/// <param name="Some">Time in which at least one task waited.</param>
/// <param name="Full">Time in which all tasks waited. Kernels before 5.13 have none for cpu.</param>
internal readonly record struct PressureSample(PressureLine Some, PressureLine Full)
{
    /// <summary>Null for a file that is not there, or says nothing because PSI is off.</summary>
    public static PressureSample? Parse(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty) return null;
        PressureLine some = default, full = default;
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (line.StartsWith("some "u8)) some = PressureLine.Parse(line);
            else if (line.StartsWith("full "u8)) full = PressureLine.Parse(line);
        }

        return new PressureSample(some, full);
    }

    public PsiStats ToCri() => new() { Some = Some.ToCri(), Full = Full.ToCri() };
}

/// <param name="TotalMicroseconds">Since the cgroup was made.</param>
internal readonly record struct PressureLine(double Avg10, double Avg60, double Avg300, ulong TotalMicroseconds)
{
    public static PressureLine Parse(ReadOnlySpan<byte> line)
    {
        var parsed = default(PressureLine);
        foreach (var range in line.Split((byte)' '))
        {
            var field = line[range];
            var value = field[(field.IndexOf((byte)'=') + 1)..];
            if (field.StartsWith("avg10="u8)) parsed = parsed with { Avg10 = Share(value) };
            else if (field.StartsWith("avg60="u8)) parsed = parsed with { Avg60 = Share(value) };
            else if (field.StartsWith("avg300="u8)) parsed = parsed with { Avg300 = Share(value) };
            else if (field.StartsWith("total="u8) && Utf8Parser.TryParse(value, out ulong total, out _))
                parsed = parsed with { TotalMicroseconds = total };
        }

        return parsed;
    }

    /// <summary>Total stays in microseconds, as the kernel has it and containerd passes it on.</summary>
    public PsiData ToCri() => new() { Avg10 = Avg10, Avg60 = Avg60, Avg300 = Avg300, Total = TotalMicroseconds };

    private static double Share(ReadOnlySpan<byte> text) => Utf8Parser.TryParse(text, out double value, out _) ? value : 0;
}
