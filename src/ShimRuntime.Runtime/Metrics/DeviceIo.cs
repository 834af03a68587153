using System.Buffers.Text;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>I/O of a cgroup on one block device since the cgroup was made.</summary>
internal readonly record struct DeviceIo(uint Major, uint Minor)
{
    public ulong ReadBytes { get; init; }

    public ulong WriteBytes { get; init; }

    public ulong Reads { get; init; }

    public ulong Writes { get; init; }

    /// <summary>io.stat of v2: lines of "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6", those of a device that did nothing without keys.</summary>
    public static List<DeviceIo> ParseUnified(ReadOnlySpan<byte> text)
    {
        List<DeviceIo> devices = [];
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (!TryDevice(ref line, out var device)) continue;
            foreach (var part in line.Split((byte)' '))
            {
                var field = line[part];
                var equals = field.IndexOf((byte)'=');
                if (equals > 0 && Utf8Parser.TryParse(field[(equals + 1)..], out ulong value, out _)) device = device.With(field[..equals], value);
            }

            devices.Add(device);
        }

        return devices;
    }

    /// <summary>
    /// blkio.throttle.io_service_bytes_recursive and io_serviced_recursive of v1: lines of "8:0 Read 4096", with a total for each device
    /// and at the end.
    /// </summary>
    public static List<DeviceIo> ParseV1(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> counts)
    {
        List<DeviceIo> devices = [];
        AddV1(devices, bytes, false);
        AddV1(devices, counts, true);
        return devices;
    }

    private static void AddV1(List<DeviceIo> devices, ReadOnlySpan<byte> text, bool counts)
    {
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (!TryDevice(ref line, out var device)) continue;
            var space = line.IndexOf((byte)' ');
            if (space <= 0 || !Utf8Parser.TryParse(line[(space + 1)..], out ulong value, out _)) continue;
            var index = devices.FindIndex(d => d.Major == device.Major && d.Minor == device.Minor);
            if (index < 0)
            {
                index = devices.Count;
                devices.Add(device);
            }

            var key = line[..space];
            if (key.SequenceEqual("Read"u8)) devices[index] = devices[index].With(counts ? "rios"u8 : "rbytes"u8, value);
            if (key.SequenceEqual("Write"u8)) devices[index] = devices[index].With(counts ? "wios"u8 : "wbytes"u8, value);
        }
    }

    private DeviceIo With(ReadOnlySpan<byte> key, ulong value) =>
        key.SequenceEqual("rbytes"u8) ? this with { ReadBytes = value }
        : key.SequenceEqual("wbytes"u8) ? this with { WriteBytes = value }
        : key.SequenceEqual("rios"u8) ? this with { Reads = value }
        : key.SequenceEqual("wios"u8) ? this with { Writes = value } : this;

    private static bool TryDevice(ref ReadOnlySpan<byte> line, out DeviceIo device)
    {
        device = default;
        if (!Utf8Parser.TryParse(line, out uint major, out var used) || used >= line.Length || line[used] != (byte)':') return false;
        var rest = line[(used + 1)..];
        if (!Utf8Parser.TryParse(rest, out uint minor, out used)) return false;
        device = new DeviceIo(major, minor);
        line = rest[used..].TrimStart((byte)' ');
        return true;
    }
}
