using Xunit;

namespace ShimRuntime.Linux.Tests.Namespaces;

/// <summary>On the real kernel, as root: the daemon is never anything else.</summary>
public sealed class PodNamespacesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("pod-namespaces-").FullName;
    private readonly PodNamespaceRequest _all;

    public PodNamespacesTests() => _all = new PodNamespaceRequest
    {
        NetworkPin = Path.Combine(_directory, "net"),
        IpcPin = Path.Combine(_directory, "ipc"),
        UtsPin = Path.Combine(_directory, "uts"),
        Hostname = "pod-under-test",
        Sysctls = [("/proc/sys/net/ipv4/ip_unprivileged_port_start", "777"), ("/proc/sys/kernel/shmmni", "1234")],
    };

    public void Dispose()
    {
        PodNamespaces.Release(_all);
        Directory.Delete(_directory, true);
    }

    [Fact]
    public async Task Each_namespace_is_pinned_new_and_set_up()
    {
        await PodNamespaces.CreateAsync(_all);

        foreach (var (pin, kind) in new[] { (_all.NetworkPin!, "net"), (_all.IpcPin!, "ipc"), (_all.UtsPin!, "uts") })
        {
            Assert.True(LinuxNamespace.IsPinned(pin));
            Assert.NotEqual(LinuxNamespace.Identity($"/proc/self/ns/{kind}"), LinuxNamespace.Identity(pin));
        }

        var (hostname, port, shmmni) = NamespaceThread.Run(() =>
        {
            LinuxNamespace.Enter(_all.NetworkPin!, NamespaceKinds.Network);
            LinuxNamespace.Enter(_all.IpcPin!, NamespaceKinds.Ipc);
            LinuxNamespace.Enter(_all.UtsPin!, NamespaceKinds.Uts);
            return (Read("/proc/sys/kernel/hostname"), Read("/proc/sys/net/ipv4/ip_unprivileged_port_start"), Read("/proc/sys/kernel/shmmni"));
        });
        Assert.Equal(("pod-under-test", "777", "1234"), (hostname, port, shmmni));
    }

    [Fact]
    public async Task The_host_keeps_its_own_and_no_thread_stays_behind_in_the_pods()
    {
        var hostname = Read("/proc/sys/kernel/hostname");
        var network = LinuxNamespace.Identity("/proc/self/ns/net");
        await PodNamespaces.CreateAsync(_all);

        Assert.Equal(hostname, Read("/proc/sys/kernel/hostname"));
        var pod = LinuxNamespace.Identity(_all.NetworkPin!);
        await AssertSoonAsync(() => Directory.EnumerateDirectories("/proc/self/task")
            .All(task => LinuxNamespace.Identity($"{task}/ns/net") is var id && id != pod && (id == network || id == 0)));
    }

    [Fact]
    public async Task Loopback_is_up_and_nothing_else_is_there()
    {
        await PodNamespaces.CreateAsync(_all);
        var counters = Assert.Single(NetworkInterfaces.Read([_all.NetworkPin!]));
        Assert.Contains(counters, i => i.Name == "lo");
        var state = NamespaceThread.Run(() =>
        {
            LinuxNamespace.Enter(_all.NetworkPin!, NamespaceKinds.Network);
            using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
            listener.Start();
            using var client = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
            client.Connect(listener.LocalEndpoint);
            return client.Connected;
        });
        Assert.True(state);
    }

    [Fact]
    public async Task A_step_that_fails_leaves_no_pin_and_no_file()
    {
        var request = _all with { Sysctls = [("/proc/sys/net/ipv4/no_such_sysctl", "1")] };
        var error = await Assert.ThrowsAsync<LinuxException>(() => PodNamespaces.CreateAsync(request));
        Assert.Contains("no_such_sysctl", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory));

        // The last pin's place is taken: the ones before are let go again.
        Directory.CreateDirectory(_all.UtsPin!);
        await Assert.ThrowsAsync<LinuxException>(() => PodNamespaces.CreateAsync(_all));
        Assert.False(File.Exists(_all.NetworkPin));
        Directory.Delete(_all.UtsPin!);
    }

    [Fact]
    public async Task Only_what_is_asked_for_is_made()
    {
        await PodNamespaces.CreateAsync(new PodNamespaceRequest { IpcPin = _all.IpcPin });
        Assert.Equal([_all.IpcPin!], Directory.EnumerateFileSystemEntries(_directory));
        LinuxNamespace.Unpin(_all.IpcPin!);
        LinuxNamespace.Unpin(_all.IpcPin!);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory));
        Assert.False(LinuxNamespace.IsPinned(_all.IpcPin!));
    }

    [Fact]
    public void A_namespace_that_is_gone_has_no_counters()
    {
        Assert.Empty(Assert.Single(NetworkInterfaces.Read([Path.Combine(_directory, "gone")])));
    }

    private static string Read(string path) => File.ReadAllText(path).Trim();

    private static async Task AssertSoonAsync(Func<bool> condition)
    {
        for (var i = 0; i < 100 && !condition(); i++) await Task.Delay(20);
        Assert.True(condition());
    }
}
