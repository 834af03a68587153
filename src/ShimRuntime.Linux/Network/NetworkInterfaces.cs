using System.Buffers;
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Interfaces of the calling thread's network namespace (netdevice(7)), and of pinned ones.</summary>
public static unsafe class NetworkInterfaces
{
    private const int NameBytes = 16; // IFNAMSIZ
    private const int RequestBytes = 40; // sizeof(struct ifreq)
    private const int SIOCGIFFLAGS = 0x8913;
    private const int SIOCSIFFLAGS = 0x8914;
    private const short IFF_UP = 1;
    private const int FirstBytes = 4096;
    private const int Fields = 12; // of the 16: up to the drops of both directions
    private const string Statistics = "/proc/thread-self/net/dev";

    /// <summary>Sets IFF_UP; the kernel gives loopback its addresses by itself.</summary>
    public static void BringUp(string name)
    {
        Span<byte> request = stackalloc byte[RequestBytes];
        request.Clear();
        if (Encoding.ASCII.GetBytes(name, request[..(NameBytes - 1)]) == 0) throw new ArgumentException("an interface has a name", nameof(name));
        var socketFd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (socketFd < 0) throw new LinuxException("socket", errno, "AF_INET");
        try
        {
            fixed (byte* first = request)
            {
                if (ioctl(socketFd, SIOCGIFFLAGS, first) < 0) throw new LinuxException("ioctl SIOCGIFFLAGS", errno, name);
                var flags = MemoryMarshal.Cast<byte, short>(request[NameBytes..]);
                flags[0] |= IFF_UP;
                if (ioctl(socketFd, SIOCSIFFLAGS, first) < 0) throw new LinuxException("ioctl SIOCSIFFLAGS", errno, name);
            }
        }
        finally
        {
            _ = close(socketFd);
        }
    }

    /// <summary>
    /// Counters of every interface in each of the pinned network namespaces, all read by one thread; a namespace that is gone has an
    /// empty list. The result has the order of <paramref name="pins"/>.
    /// </summary>
    public static IReadOnlyList<IReadOnlyList<InterfaceCounters>> Read(IReadOnlyList<string> pins) => NamespaceThread.Run(() =>
    {
        var all = new List<IReadOnlyList<InterfaceCounters>>(pins.Count);
        foreach (var pin in pins) all.Add(ReadOne(pin));
        return all;
    });

    /// <summary>Counters of the calling thread's own namespace: the host's, for pods on the host network.</summary>
    public static IReadOnlyList<InterfaceCounters> ReadOwn()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
        try
        {
            ReadOnlySpan<byte> text;
            while ((text = PseudoFile.Read(Statistics, buffer)).Length == buffer.Length)
            {
                // May have been cut: a node's own namespace has an interface for each pod.
                var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
            }

            return Parse(text);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>
    /// Parses /proc/net/dev: two heading lines, then "name: bytes packets errs drop fifo frame compressed multicast bytes packets errs drop …".
    /// </summary>
    internal static IReadOnlyList<InterfaceCounters> Parse(ReadOnlySpan<byte> text)
    {
        var interfaces = new List<InterfaceCounters>();
        Span<ulong> fields = stackalloc ulong[Fields];
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            var colon = line.LastIndexOf((byte)':');
            if (colon < 0 || !TryParse(line[(colon + 1)..], fields)) continue;
            var name = Encoding.UTF8.GetString(line[..colon].Trim((byte)' '));
            interfaces.Add(new InterfaceCounters(name, Direction(fields), Direction(fields[8..])));
        }

        return interfaces;
    }

    private static LinkCounters Direction(ReadOnlySpan<ulong> fields) => new(fields[0], fields[1], fields[2], fields[3]);

    private static bool TryParse(ReadOnlySpan<byte> line, Span<ulong> fields)
    {
        foreach (ref var field in fields)
        {
            line = line.TrimStart((byte)' ');
            if (!Utf8Parser.TryParse(line, out field, out var used)) return false;
            line = line[used..];
        }

        return true;
    }

    private static IReadOnlyList<InterfaceCounters> ReadOne(string pin)
    {
        try
        {
            LinuxNamespace.Enter(pin, NamespaceKinds.Network);
            return ReadOwn();
        }
        catch (IOException)
        {
            return []; // the pod was stopped meanwhile
        }
    }
}
