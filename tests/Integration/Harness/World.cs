using System.Globalization;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>
/// Everything that one daemon under test has for itself: directories, binaries under a path of their own (so that every process can be
/// told apart by its executable), a bridge, a subnet, a cgroup root. What is in it after a test is a leak and nobody else's.
/// </summary>
public sealed partial class World
{
    private static readonly Lock NetworkLock = new();
    private static readonly HashSet<int> Subnets = [];

    public World()
    {
        Tag = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        Base = Directory.CreateTempSubdirectory("srt-").FullName;
        // Containers of other users walk through it to reach bind mounts, as they walk through /var/lib.
        File.SetUnixFileMode(Base, (UnixFileMode)Convert.ToInt32("711", 8));
        foreach (var directory in new[] { Bin, Root, State, NetnsDirectory, CniConf, CniBin, RegistryConf, Shared }) Directory.CreateDirectory(directory);
        foreach (var binary in new[] { "shimruntimed", "shimruntime-shim" }) Link(Installation.Binary(binary), Path.Combine(Bin, binary));
        SubnetPrefix = NextSubnet();
        WriteConflist("10-test.conflist", Conflist());
    }

    /// <summary>Eight hex digits that name this world in the kernel's shared tables.</summary>
    public string Tag { get; }

    public string Base { get; }

    public string Bin => Path.Combine(Base, "bin");

    public string Root => Path.Combine(Base, "root");

    public string State => Path.Combine(Base, "state");

    public string Socket => Path.Combine(Base, "cri.sock");

    public string NetnsDirectory => Path.Combine(Base, "netns");

    public string CniConf => Path.Combine(Base, "cni");

    /// <summary>Searched before the machine's own plugins: for plugins that a test writes.</summary>
    public string CniBin => Path.Combine(Base, "cni-bin");

    public string RegistryConf => Path.Combine(Base, "certs.d");

    public string IpamDirectory => Path.Combine(Base, "ipam");

    /// <summary>For bind mounts and the like: a test's own files on the host.</summary>
    public string Shared => Path.Combine(Base, "shared");

    /// <summary>CNI network name; iptables rules of portmap carry it in their comments.</summary>
    public string Network => $"srtnet{Tag}";

    public string Bridge => $"srt{Tag}";

    /// <summary>Parent of the pods' cgroups.</summary>
    public string CgroupRoot => $"/srt-{Tag}";

    /// <summary>The first three octets, such as 10.77.3.</summary>
    public string SubnetPrefix { get; }

    /// <summary>The conflist of this world: bridge with host-local addresses, and portmap.</summary>
    /// <param name="masquerade">ipMasq of the bridge plugin: slower, and it leaves rules that DEL must take away.</param>
    public string Conflist(bool masquerade = false, string version = "1.0.0", string extraPlugins = "") => $$$"""
        {"cniVersion":"{{{version}}}","name":"{{{Network}}}","plugins":[
          {"type":"bridge","bridge":"{{{Bridge}}}","isGateway":true,"ipMasq":{{{(masquerade ? "true" : "false")}}},"hairpinMode":true,
           "ipam":{"type":"host-local","dataDir":"{{{IpamDirectory}}}","ranges":[[{"subnet":"{{{SubnetPrefix}}}.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
          {"type":"portmap","capabilities":{"portMappings":true},"snat":true}{{{extraPlugins}}}]}
        """;

    public void WriteConflist(string name, string content) => File.WriteAllText(Path.Combine(CniConf, name), content);

    /// <summary>A CNI plugin of the test's own: a shell script whose stdin has been read into $conf.</summary>
    public void WritePlugin(string name, string script)
    {
        var path = Path.Combine(CniBin, name);
        File.WriteAllText(path, $"#!/bin/sh\nconf=$(cat)\n{script}\n");
        File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("755", 8));
    }

    /// <summary>Tells the daemon to reach <paramref name="registry"/> (host:port in references) over plain HTTP at <paramref name="server"/>.</summary>
    public void WriteHosts(string registry, string server, string extra = "")
    {
        var directory = Directory.CreateDirectory(Path.Combine(RegistryConf, registry)).FullName;
        File.WriteAllText(Path.Combine(directory, "hosts.toml"), $"server = \"{server}\"\n\n[host.\"{server}\"]\n  capabilities = [\"pull\", \"resolve\"]\n{extra}");
    }

    /// <summary>Takes away what the kernel holds for this world. Returns what could not be deleted.</summary>
    public async Task<string> DestroyAsync()
    {
        foreach (var pid in LeakCheck.ProcessesOf(this)) ShimRuntime.Linux.SafePidFd.TryOpen(pid)?.Signal(9);
        await Command.RunAsync("ip", ["link", "delete", Bridge]);
        for (var round = 0; round < 50 && LeakCheck.MountsOf(this) is { Count: > 0 } mounts; round++)
        {
            foreach (var mount in mounts.AsEnumerable().Reverse()) await Command.RunAsync("umount", ["-l", mount]);
        }

        foreach (var cgroup in LeakCheck.CgroupsOf(this, true)) TryRemove(cgroup);
        var removal = await Command.RunAsync("rm", ["-rf", "--one-file-system", Base]);
        lock (NetworkLock) Subnets.Remove(SubnetKey(SubnetPrefix));
        return removal.Error;
    }

    private static void TryRemove(string cgroup)
    {
        try
        {
            Directory.Delete(cgroup);
        }
        catch (IOException)
        {
            // Somebody is still in it: the leak check has said so.
        }
    }

    private static string NextSubnet()
    {
        lock (NetworkLock)
        {
            var taken = NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses)
                .Select(a => a.Address.ToString()).ToArray();
            while (true)
            {
                var prefix = string.Create(CultureInfo.InvariantCulture, $"10.{RandomNumberGenerator.GetInt32(100, 200)}.{RandomNumberGenerator.GetInt32(256)}");
                if (!taken.Any(a => a.StartsWith(prefix + ".", StringComparison.Ordinal)) && Subnets.Add(SubnetKey(prefix))) return prefix;
            }
        }
    }

    private static int SubnetKey(string prefix)
    {
        var parts = prefix.Split('.');
        return int.Parse(parts[1], CultureInfo.InvariantCulture) * 256 + int.Parse(parts[2], CultureInfo.InvariantCulture);
    }

    // A hard link, not a copy: a copy just written can be "text file busy" while another thread forks.
    private static void Link(string existing, string path)
    {
        if (link(Encoding.UTF8.GetBytes(existing + "\0"), Encoding.UTF8.GetBytes(path + "\0")) < 0) File.Copy(existing, path);
    }

    [LibraryImport("libc")]
    private static partial int link(ReadOnlySpan<byte> existing, ReadOnlySpan<byte> path);
}
