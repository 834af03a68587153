using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using ShimRuntime.Linux;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Tests.Sockets;

/// <summary>Sockets by system call, closed together at the end, and a directory for those with names.</summary>
internal sealed unsafe class SocketRig : IDisposable
{
    private const int SO_REUSEPORT = 15;
    private const int IPPROTO_IPV6 = 41;
    private const int IPV6_V6ONLY = 26;
    private readonly List<int> _fds = [];
    private readonly string _directory = Directory.CreateTempSubdirectory("srt-sockets-").FullName;

    public (int Fd, IPEndPoint Endpoint) Listen(IPAddress address, bool isV6Only = false, bool sharesPort = false) =>
        Listen(address, 0, isV6Only, sharesPort);

    public (int Fd, IPEndPoint Endpoint) Listen(IPAddress address, int port, bool isV6Only = false, bool sharesPort = false)
    {
        var fd = Socket(address, isV6Only, SOCK_CLOEXEC);
        if (sharesPort) Set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
        Check(Bind(fd, new IPEndPoint(address, port)));
        Check(listen(fd, 16));
        return (fd, new IPEndPoint(address, TcpSocket.PortOf(fd)));
    }

    public int Socket(IPAddress address, bool isV6Only, int flags)
    {
        var isV6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        var fd = Own(socket(isV6 ? AF_INET6 : AF_INET, SOCK_STREAM | flags, 0));
        if (isV6) Set(fd, IPPROTO_IPV6, IPV6_V6ONLY, isV6Only ? 1 : 0);
        return fd;
    }

    public int Datagrams(IPAddress address) =>
        Own(socket(address.AddressFamily == AddressFamily.InterNetworkV6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0));

    public int UnixSocket() => Own(socket(AF_UNIX, SOCK_STREAM, 0));

    public int ListenAt(string name)
    {
        var fd = UnixSocket();
        Check(BindAt(fd, name));
        Check(listen(fd, 16));
        return fd;
    }

    public int Duplicate(int fd) => Own(FileDescriptor.Duplicate(fd));

    /// <summary>What bind(2) returned.</summary>
    public int Bind(int fd, IPEndPoint endpoint)
    {
        var address = stackalloc byte[28];
        var span = new Span<byte>(address, 28);
        span.Clear();
        var isV6 = endpoint.AddressFamily == AddressFamily.InterNetworkV6;
        *(ushort*)address = (ushort)(isV6 ? AF_INET6 : AF_INET);
        BinaryPrimitives.WriteUInt16BigEndian(span[2..], (ushort)endpoint.Port);
        endpoint.Address.TryWriteBytes(isV6 ? span[8..] : span[4..], out _);
        return bind(fd, (sockaddr*)address, isV6 ? 28 : 16);
    }

    /// <inheritdoc cref="Bind"/>
    public int BindAt(int fd, string name)
    {
        sockaddr_un address = default;
        address.sun_family = (ushort)AF_UNIX;
        var length = Encoding.Latin1.GetBytes(name, new Span<byte>(address.sun_path, 108));
        return bind(fd, (sockaddr*)&address, 2 + length + (name[0] == 0 ? 0 : 1));
    }

    /// <summary>A path in a directory of this rig, whose directories are made.</summary>
    public string File(string name)
    {
        var path = Path.Combine(_directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    public bool CanConnect(string path)
    {
        Own(ShimRuntime.Linux.UnixSocket.Connect(path));
        return true;
    }

    public static Socket Connect(IPEndPoint endpoint)
    {
        var client = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(endpoint);
        return client;
    }

    public int Accept(int listener) => Own(accept4(listener, null, null, SOCK_CLOEXEC));

    public int DescriptorFlags(int fd) => Check(fcntl(fd, F_GETFD));

    /// <summary>The reading end; both are closed at the end.</summary>
    public int Own(PipeEnds pipe)
    {
        Own(pipe.Write);
        return Own(pipe.Read);
    }

    public void Close(int fd)
    {
        _fds.Remove(fd);
        FileDescriptor.Close(ref fd);
    }

    public void Dispose()
    {
        foreach (var fd in _fds.ToArray()) Close(fd);
        Directory.Delete(_directory, true);
    }

    private static void Set(int fd, int level, int name, int value) => Check(setsockopt(fd, level, name, &value, sizeof(int)));

    private int Own(int fd)
    {
        _fds.Add(Check(fd));
        return fd;
    }

    private static int Check(int result) => result >= 0 ? result : throw new LinuxException("a socket's call", errno);
}
