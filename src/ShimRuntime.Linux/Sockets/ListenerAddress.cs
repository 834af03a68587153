using System.Buffers.Binary;
using System.Net;
using System.Text;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Where a stream socket listens: an IP endpoint, or a Unix name as unix(7) has it.</summary>
/// <param name="Endpoint">Null for a Unix socket.</param>
/// <param name="Path">Of a Unix socket: absolute or relative, or with "@" in the place of an abstract name's NUL.</param>
public readonly record struct ListenerAddress(IPEndPoint? Endpoint, string? Path)
{
    private const int FamilyBytes = 2;
    private const int V4Bytes = 16; // sizeof(struct sockaddr_in)
    private const int V6Bytes = 28; // sizeof(struct sockaddr_in6)
    private const int MaxUnixBytes = 110; // sizeof(struct sockaddr_un)

    /// <summary>The longest that <see cref="Parse"/> looks at.</summary>
    public const int MaxBytes = MaxUnixBytes;

    /// <summary>A name in the file system.</summary>
    public bool IsFile => Path is { Length: > 0 } path && path[0] != '@';

    /// <summary>A struct sockaddr; null for a family that nobody listens on here, an unnamed Unix socket, or one cut short.</summary>
    public static ListenerAddress? Parse(ReadOnlySpan<byte> address)
    {
        if (address.Length < FamilyBytes) return null;
        var family = BinaryPrimitives.ReadUInt16LittleEndian(address);
        if (family == AF_INET && address.Length >= V4Bytes)
            return new ListenerAddress(new IPEndPoint(new IPAddress(address.Slice(4, 4)), Port(address)), null);
        if (family == AF_INET6 && address.Length >= V6Bytes)
        {
            var scope = BinaryPrimitives.ReadUInt32LittleEndian(address[24..]);
            return new ListenerAddress(new IPEndPoint(new IPAddress(address.Slice(8, 16), scope), Port(address)), null);
        }

        return family == AF_UNIX && address.Length is > FamilyBytes and <= MaxUnixBytes ? Unix(address[FamilyBytes..]) : null;
    }

    public override string ToString() => Endpoint is not null ? $"tcp:{Endpoint}" : $"unix:{Path}";

    private static int Port(ReadOnlySpan<byte> address) => BinaryPrimitives.ReadUInt16BigEndian(address[FamilyBytes..]);

    /// <summary>An abstract name is all of its bytes; a path ends with its NUL.</summary>
    private static ListenerAddress? Unix(ReadOnlySpan<byte> name)
    {
        if (name[0] == 0) return new ListenerAddress(null, "@" + Encoding.Latin1.GetString(name[1..]));
        var end = name.IndexOf((byte)0);
        return new ListenerAddress(null, Encoding.Latin1.GetString(end < 0 ? name : name[..end]));
    }
}
