using System.Diagnostics;
using Xunit;

namespace ShimRuntime.Linux.Tests.Namespaces;

/// <summary>The real kernel: a pod's namespaces owned by a user namespace, and id-mapped mounts. Needs root.</summary>
public sealed class UserNamespaceTests : IDisposable
{
    private static readonly UserMappings Users = new(new IdRange(100_000, 65_536), new IdRange(200_000, 65_536));
    private readonly string _directory = Directory.CreateTempSubdirectory("userns-").FullName;

    public void Dispose()
    {
        MountPoint.UnmountBelow(_directory);
        Directory.Delete(_directory, true);
    }

    [Fact]
    public async Task A_pods_namespaces_belong_to_its_user_namespace_and_outlive_the_process_that_made_them()
    {
        var request = new PodNamespaceRequest
        {
            NetworkPin = At("net"), IpcPin = At("ipc"), UtsPin = At("uts"), UserPin = At("user"), Users = Users, Hostname = "inside",
            Sysctls = [("/proc/sys/net/ipv4/ip_unprivileged_port_start", "7")],
        };
        await PodNamespaces.CreateAsync(request);
        // Only the owner's root may mount sysfs of a network namespace, rename the host or read the map as its own.
        var seen = Inside("cat /proc/self/uid_map /proc/self/gid_map; hostname; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; hostname other && hostname; "
            + "ip link set lo down && echo owned");
        Assert.Equal("0 100000 65536|0 200000 65536|inside|7|other|owned", string.Join('|', seen.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Squeeze)));
        PodNamespaces.Release(request);
        Assert.Empty(Directory.GetFiles(_directory));
    }

    [Fact]
    public void Owners_of_an_id_mapped_copy_are_shifted_and_those_of_the_source_are_not()
    {
        Directory.CreateDirectory(At("source"));
        Directory.CreateDirectory(At("view"));
        File.WriteAllText(At("source/file"), "");
        NamespaceThread.Run(() =>
        {
            using var holder = UserNamespaceHolder.Start(NamespaceKinds.None, Users);
            using var user = File.OpenHandle(holder.Namespace("user"));
            using var copy = DetachedMount.Of(At("source"), recursive: true);
            copy.MapIds(user, recursive: true);
            copy.MoveTo(At("view"));
            return true;
        });
        using var view = SafeDirFd.Open(At("view"));
        using var source = SafeDirFd.Open(At("source"));
        var name = FileName.Create("file");
        Assert.Equal((100_000, 200_000), ((int)view.TryStat(name)!.Value.Uid, (int)view.TryStat(name)!.Value.Gid));
        Assert.Equal((0, 0), ((int)source.TryStat(name)!.Value.Uid, (int)source.TryStat(name)!.Value.Gid));
    }

    [Fact]
    public void A_map_that_the_kernel_refuses_is_an_error_and_leaves_no_process() =>
        Assert.ThrowsAny<IOException>(() => UserNamespaceHolder.Start(NamespaceKinds.None, new UserMappings(new IdRange(0, 0), new IdRange(0, 1))).Dispose());

    private string At(string name) => Path.Combine(_directory, name);

    private static string Squeeze(string line) => string.Join(' ', line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private string Inside(string script)
    {
        var start = new ProcessStartInfo("nsenter", [$"--user={At("user")}", $"--net={At("net")}", $"--uts={At("uts")}", $"--ipc={At("ipc")}", "sh", "-c", script])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return text;
    }
}
