using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Serving;

/// <summary>The ShimLaunch or SessionLaunch message that the daemon leaves in a memfd at fd 3.</summary>
internal static unsafe class LaunchFile
{
    private const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>Returns when the launch is there; false: the daemon has closed its end before, and there will be none.</summary>
    public static bool Await(int readinessFd)
    {
        byte word;
        long count;
        do count = read(readinessFd, &word, 1);
        while (count < 0 && errno == Errno.EINTR);
        return count > 0;
    }

    /// <exception cref="RuntimeFault">InvalidArgument: not a launch that this shim can serve.</exception>
    public static ShimLaunch Read(int fd)
    {
        var launch = Parse(ShimLaunch.Parser, nameof(ShimLaunch), fd);
        CheckVersion(launch.ProtocolVersion);
        if (launch.ContainerId.Length != 64 || launch.ContainerId.AsSpan().ContainsAnyExcept("0123456789abcdef"))
            throw RuntimeFault.InvalidArgument($"container id '{launch.ContainerId}' is not 64 hex digits");
        foreach (var path in (ReadOnlySpan<string>)[launch.RunDirectory, launch.DurableDirectory, launch.RuncPath, launch.RuncRoot])
        {
            if (!path.StartsWith('/')) throw RuntimeFault.InvalidArgument($"launch path '{path}' is not absolute");
        }

        CgroupPath.Check(launch.ContainerCgroup);
        CgroupPath.Check(launch.LeafCgroup);
        if (CgroupPath.Parent(launch.LeafCgroup) != launch.ContainerCgroup)
            throw RuntimeFault.InvalidArgument($"leaf cgroup '{launch.LeafCgroup}' is not directly below '{launch.ContainerCgroup}'");
        launch.Resources ??= new Resources();
        return launch;
    }

    /// <summary>As <see cref="Read"/>, for a session.</summary>
    public static SessionLaunch ReadSession(int fd)
    {
        var launch = Parse(SessionLaunch.Parser, nameof(SessionLaunch), fd);
        CheckVersion(launch.ProtocolVersion);
        if (!launch.Directory.StartsWith('/')) throw RuntimeFault.InvalidArgument($"launch path '{launch.Directory}' is not absolute");
        return launch;
    }

    private static void CheckVersion(uint version)
    {
        if (!ShimMethods.IsSpoken(version))
            throw RuntimeFault.InvalidArgument($"launch of protocol {version}, this shim speaks {ShimMethods.PreviousVersion} to {ShimMethods.ProtocolVersion}");
    }

    private static T Parse<T>(MessageParser<T> parser, string name, int fd) where T : IMessage<T>
    {
        try
        {
            return parser.ParseFrom(ReadAll(fd));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw RuntimeFault.InvalidArgument($"fd 3 holds no {name}: {e.Message}");
        }
    }

    /// <summary>All of a memory file, 4 MiB at most.</summary>
    public static byte[] ReadAll(int fd)
    {
        var buffer = new byte[16 * 1024];
        var length = 0;
        while (length < MaxBytes)
        {
            if (length == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
            fixed (byte* p = buffer)
            {
                // pread: the daemon's writes left the shared offset at the end.
                var count = (int)pread(fd, p + length, buffer.Length - length, length);
                if (count < 0) throw new LinuxException("pread", errno, $"fd {fd}");
                if (count == 0) return buffer.AsSpan(0, length).ToArray();
                length += count;
            }
        }

        throw RuntimeFault.InvalidArgument($"the file at fd {fd} is larger than {MaxBytes} bytes");
    }
}
