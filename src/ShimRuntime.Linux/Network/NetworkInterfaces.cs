using System.Globalization;
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
    public static IReadOnlyList<InterfaceCounters> ReadOwn() => Parse(File.ReadAllText(Statistics));

    /// <summary>Parses /proc/net/dev: two heading lines, then "name: bytes packets errs drop fifo frame compressed multicast bytes packets errs …".</summary>
    internal static IReadOnlyList<InterfaceCounters> Parse(string text)
    {
        var interfaces = new List<InterfaceCounters>();
        foreach (var line in text.Split('\n').Skip(2))
        {
            var colon = line.LastIndexOf(':');
            if (colon < 0) continue;
            var fields = line[(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 11) continue;
            interfaces.Add(new InterfaceCounters(line[..colon].Trim(), Count(fields[0]), Count(fields[2]), Count(fields[8]), Count(fields[10])));
        }

        return interfaces;
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

    private static ulong Count(string field) => ulong.Parse(field, NumberStyles.None, CultureInfo.InvariantCulture);
}
