using System.Runtime.InteropServices;
using ShimRuntime.Linux;

namespace ShimRuntime.Bench;

/// <summary>The kernel's part of a pod's start, by the fewest calls: an own implementation, so that the floor does not share the code that it judges.</summary>
internal static partial class BareKernel
{
    private const int CLONE_NEWNET = 0x40000000;
    private const int CLONE_NEWIPC = 0x08000000;
    private const int CLONE_NEWUTS = 0x04000000;
    private const nuint MS_BIND = 4096;
    private const int MNT_DETACH = 2;

    private static readonly Dictionary<string, (int Flag, string File)> Kinds =
        new() { ["network"] = (CLONE_NEWNET, "net"), ["ipc"] = (CLONE_NEWIPC, "ipc"), ["uts"] = (CLONE_NEWUTS, "uts") };

    /// <param name="pins">File to pin each at, by its kind in the runtime spec: network, ipc, uts.</param>
    public static void PinNamespaces(IReadOnlyDictionary<string, string> pins)
    {
        foreach (var pin in pins.Values) File.WriteAllBytes(pin, []);
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            if (Unshare(pins.Keys.Aggregate(0, (flags, kind) => flags | Kinds[kind].Flag)) < 0
                || pins.Any(p => Mount($"/proc/thread-self/ns/{Kinds[p.Key].File}", p.Value, "none", MS_BIND, null) < 0))
                failure = LinuxException.Last("unshare and pin", string.Join(' ', pins.Values));
        });
        thread.Start();
        thread.Join();
        if (failure is not null) throw failure;
    }

    public static void MountOverlay(string lower, string bundle) =>
        _ = LinuxException.Check(Mount("overlay", $"{bundle}/rootfs", "overlay", 0, $"lowerdir={lower},upperdir={bundle}/upper,workdir={bundle}/work"), "mount", bundle);

    public static void Unmount(string path) => _ = LinuxException.Check(Umount2(path, MNT_DETACH), "umount2", path);

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, nuint flags, string? data);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Umount2(string target, int flags);
}
