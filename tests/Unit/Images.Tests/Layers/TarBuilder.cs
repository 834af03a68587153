using System.Globalization;
using System.Text;

namespace ShimRuntime.Images.Tests.Layers;

/// <summary>Writes tar archives byte by byte, honest and hostile: every field can be set to what no tar program would write.</summary>
internal sealed class TarBuilder
{
    private readonly List<byte> _archive = [];

    public uint Uid { get; set; }

    public uint Gid { get; set; }

    public long ModifySeconds { get; set; } = 1_600_000_000;

    public TarBuilder File(string name, string content = "", uint mode = 0x1A4) => File(Bytes(name), Bytes(content), mode);

    public TarBuilder File(byte[] name, byte[] content, uint mode = 0x1A4) => Member((byte)'0', name, [], mode, content);

    public TarBuilder Directory(string name, uint mode = 0x1ED) => Member((byte)'5', Bytes(name), [], mode, []);

    public TarBuilder Symlink(string name, string target) => Member((byte)'2', Bytes(name), Bytes(target), 0x1FF, []);

    public TarBuilder HardLink(string name, string target) => Member((byte)'1', Bytes(name), Bytes(target), 0x1A4, []);

    public TarBuilder Fifo(string name, uint mode = 0x1A4) => Member((byte)'6', Bytes(name), [], mode, []);

    public TarBuilder Device(char type, string name, uint major, uint minor)
    {
        var header = Header((byte)type, Bytes(name), [], 0x1B6, 0);
        Octal(header, 329, 8, major);
        Octal(header, 337, 8, minor);
        return Raw(Sealed(header));
    }

    /// <summary>A pax header for the next member.</summary>
    public TarBuilder Pax(params (string Key, string Value)[] records) => Pax('x', records.Select(r => (Bytes(r.Key), Bytes(r.Value))).ToArray());

    public TarBuilder Pax(char type, params (byte[] Key, byte[] Value)[] records) => Extension(type, records.SelectMany(r => PaxRecord(r.Key, r.Value)).ToArray());

    /// <summary>A member of this type with this content: 'L', 'K', 'x', 'g' or nonsense.</summary>
    public TarBuilder Extension(char type, byte[] content) => Member((byte)type, Bytes("././@Ext"), [], 0x1A4, content);

    public TarBuilder Member(byte type, byte[] name, byte[] link, uint mode, byte[] content) =>
        Raw(Sealed(Header(type, name, link, mode, content.Length))).Content(content);

    public TarBuilder Content(byte[] content)
    {
        Raw(content);
        return Raw(new byte[(512 - (content.Length % 512)) % 512]);
    }

    public TarBuilder Raw(byte[] bytes)
    {
        _archive.AddRange(bytes);
        return this;
    }

    public byte[] Header(byte type, byte[] name, byte[] link, uint mode, long size)
    {
        var header = new byte[512];
        name.AsSpan(0, Math.Min(name.Length, 100)).CopyTo(header);
        Octal(header, 100, 8, mode);
        Octal(header, 108, 8, Uid);
        Octal(header, 116, 8, Gid);
        Octal(header, 124, 12, size);
        Octal(header, 136, 12, ModifySeconds);
        header[156] = type;
        link.AsSpan(0, Math.Min(link.Length, 100)).CopyTo(header.AsSpan(157));
        "ustar\000"u8.CopyTo(header.AsSpan(257));
        return header;
    }

    public static byte[] Sealed(byte[] header)
    {
        header.AsSpan(148, 8).Fill((byte)' ');
        Octal(header, 148, 7, header.Sum(b => (long)b));
        return header;
    }

    public static void Octal(byte[] header, int offset, int length, long value)
    {
        var text = Convert.ToString(value, 8).PadLeft(length - 1, '0');
        Encoding.ASCII.GetBytes(text).CopyTo(header, offset);
        header[offset + length - 1] = 0;
    }

    /// <summary>Big-endian two's complement with GNU's marker bit.</summary>
    public static void Base256(byte[] header, int offset, int length, long value)
    {
        for (var i = 0; i < length; i++) header[offset + length - 1 - i] = (byte)(i < 8 ? value >> (8 * i) : value >> 63);
        header[offset] |= 0x80;
    }

    public static byte[] PaxRecord(byte[] key, byte[] value)
    {
        var rest = key.Length + value.Length + 3;
        var length = rest + rest.ToString(CultureInfo.InvariantCulture).Length;
        if (length.ToString(CultureInfo.InvariantCulture).Length + rest != length) length++;
        return [.. Bytes(length.ToString(CultureInfo.InvariantCulture)), (byte)' ', .. key, (byte)'=', .. value, (byte)'\n'];
    }

    public byte[] Build(bool endMark = true) => endMark ? [.. _archive, .. new byte[1024]] : [.. _archive];

    /// <summary>Each char is one byte.</summary>
    public static byte[] Bytes(string latin1) => Encoding.Latin1.GetBytes(latin1);
}
