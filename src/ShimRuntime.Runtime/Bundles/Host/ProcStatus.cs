using System.Globalization;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>/proc/self/status, proc_pid_status(5): "Name:\tvalue" lines.</summary>
internal sealed class ProcStatus(IReadOnlyDictionary<string, string> fields)
{
    public static ProcStatus Read() => new(File.ReadLines("/proc/self/status")
        .Select(line => line.Split(':', 2))
        .Where(parts => parts.Length == 2)
        .ToDictionary(parts => parts[0], parts => parts[1].Trim()));

    public bool Has(string field) => fields.ContainsKey(field);

    /// <summary>A set of bits in hexadecimal, such as CapBnd; 0 when the kernel has no such line.</summary>
    public ulong Mask(string field) =>
        fields.TryGetValue(field, out var hex) ? ulong.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture) : 0;
}
