using System.Collections.Concurrent;
using System.Globalization;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Metrics;

/// <summary>Names of block devices, /dev/vda for 254:0, as the kernel gives them; asked once for each.</summary>
internal sealed class BlockDevices
{
    private const string Key = "DEVNAME=";
    private readonly ConcurrentDictionary<(uint Major, uint Minor), string> _names = new();

    public BlockDevices(string path, string? source)
    {
        using var directory = SafeDirFd.Open(path);
        var status = directory.Stat();
        Main = (status.MountDeviceMajor, status.MountDeviceMinor);
        // btrfs, ZFS and network file systems have a number of their own that names no device: then what is mounted does.
        MainName = HasBlockDevice ? NameOf(Main.Major, Main.Minor) : source ?? path;
    }

    /// <summary>The device of the writable layers.</summary>
    public (uint Major, uint Minor) Main { get; }

    public string MainName { get; }

    public bool HasBlockDevice => Main.Major != 0;

    public string NameOf(uint major, uint minor) => _names.GetOrAdd((major, minor), static d => Read(d.Major, d.Minor));

    private static string Read(uint major, uint minor)
    {
        var number = string.Create(CultureInfo.InvariantCulture, $"{major}:{minor}");
        try
        {
            var line = File.ReadLines($"/sys/dev/block/{number}/uevent").FirstOrDefault(l => l.StartsWith(Key, StringComparison.Ordinal));
            return line is null ? number : $"/dev/{line[Key.Length..]}";
        }
        catch (IOException)
        {
            return number; // unplugged
        }
    }
}
