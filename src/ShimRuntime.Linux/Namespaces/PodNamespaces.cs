using System.Text;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

/// <summary>Makes a pod's net, IPC and UTS namespaces without any process: one thread unshares, sets up, pins and ends.</summary>
public static unsafe class PodNamespaces
{
    private const string OwnNamespaces = "/proc/thread-self/ns/";

    /// <summary>
    /// All or nothing: when a step fails, what was pinned is let go. Throws <see cref="LinuxException"/> whose message names the call
    /// and the pin, sysctl or interface.
    /// </summary>
    public static Task CreateAsync(PodNamespaceRequest request) => NamespaceThread.RunAsync(() =>
    {
        Create(request);
        return true;
    });

    /// <summary>Lets go of every pin of the request; idempotent.</summary>
    public static void Release(PodNamespaceRequest request)
    {
        foreach (var (_, pin, _) in Wanted(request)) LinuxNamespace.Unpin(pin);
        if (request.UserPin is { } user) LinuxNamespace.Unpin(user);
    }

    private static void Create(PodNamespaceRequest request)
    {
        var wanted = Wanted(request);
        var kinds = wanted.Aggregate(NamespaceKinds.None, (all, one) => all | one.Kind);
        // Joined, not the user namespace itself: root of the host has every capability in it (user_namespaces(7)).
        using var holder = request.Users is { } users ? UserNamespaceHolder.Start(kinds, users) : null;
        if (holder is not null) wanted.ForEach(one => LinuxNamespace.Enter(holder.Namespace(one.Source), one.Kind));
        else if (wanted.Count > 0) LinuxNamespace.Unshare(kinds);
        if (request.UtsPin is not null && request.Hostname.Length > 0) SetHostname(request.Hostname);
        if (request.NetworkPin is not null) NetworkInterfaces.BringUp("lo");
        foreach (var (path, value) in request.Sysctls) WriteSysctl(path, value);
        var pinned = new List<string>();
        try
        {
            if (holder is not null)
            {
                LinuxNamespace.Pin(holder.Namespace("user"), request.UserPin!);
                pinned.Add(request.UserPin!);
            }

            foreach (var (_, pin, source) in wanted)
            {
                LinuxNamespace.Pin(OwnNamespaces + source, pin);
                pinned.Add(pin);
            }
        }
        catch
        {
            foreach (var pin in pinned) LinuxNamespace.Unpin(pin);
            throw;
        }
    }

    private static List<(NamespaceKinds Kind, string Pin, string Source)> Wanted(PodNamespaceRequest request)
    {
        var wanted = new List<(NamespaceKinds, string, string)>(3);
        if (request.NetworkPin is { } network) wanted.Add((NamespaceKinds.Network, network, "net"));
        if (request.IpcPin is { } ipc) wanted.Add((NamespaceKinds.Ipc, ipc, "ipc"));
        if (request.UtsPin is { } uts) wanted.Add((NamespaceKinds.Uts, uts, "uts"));
        return wanted;
    }

    private static void SetHostname(string hostname)
    {
        var bytes = Encoding.UTF8.GetBytes(hostname);
        fixed (byte* first = bytes)
        {
            if (sethostname(first, bytes.Length) < 0) throw new LinuxException("sethostname", errno, hostname);
        }
    }

    /// <summary>One write(2): the kernel parses a sysctl's value whole, and by the namespaces of the thread that opened the file.</summary>
    private static void WriteSysctl(string path, string value)
    {
        using var name = new CString(path);
        var fd = open(name.Pointer, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) throw new LinuxException("open", errno, path);
        var bytes = Encoding.UTF8.GetBytes(value + "\n");
        fixed (byte* first = bytes)
        {
            var failed = write(fd, first, bytes.Length) < 0;
            var error = errno;
            _ = close(fd);
            if (failed) throw new LinuxException("write", error, path);
        }
    }
}
