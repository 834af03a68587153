using System.Buffers.Text;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Stats;

/// <summary>
/// Pressure stall information as the kernel writes it (accounting/psi.rst): "some avg10=0.00 avg60=0.00 avg300=0.00 total=0".
/// </summary>
internal static class Pressure
{
    /// <summary>Null for a file that is not there. Total stays in microseconds, as the kernel has it and containerd passes it on.</summary>
    public static PsiStats? Parse(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty) return null;
        var stats = new PsiStats();
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (line.StartsWith("some "u8)) stats.Some = ParseLine(line);
            else if (line.StartsWith("full "u8)) stats.Full = ParseLine(line);
        }

        return stats;
    }

    private static PsiData ParseLine(ReadOnlySpan<byte> line)
    {
        var data = new PsiData();
        foreach (var range in line.Split((byte)' '))
        {
            var field = line[range];
            var value = field[(field.IndexOf((byte)'=') + 1)..];
            if (field.StartsWith("avg10="u8)) data.Avg10 = Number(value);
            else if (field.StartsWith("avg60="u8)) data.Avg60 = Number(value);
            else if (field.StartsWith("avg300="u8)) data.Avg300 = Number(value);
            else if (field.StartsWith("total="u8) && Utf8Parser.TryParse(value, out ulong total, out _)) data.Total = total;
        }

        return data;
    }

    private static double Number(ReadOnlySpan<byte> text) => Utf8Parser.TryParse(text, out double value, out _) ? value : 0;
}
