using System.Runtime.InteropServices;
using System.Text;
using ShimRuntime.Integration.Tests.Harness;
using ShimRuntime.Linux;
using ShimRuntime.PowerLoss.Tests.Disk;

namespace ShimRuntime.PowerLoss.Tests.Replay;

/// <summary>
/// Makes a disk image real for another daemon, after a reboot: in the records the recorded world's directories, cgroup and boot id become others of
/// the same length, so that torn ones stay torn where they were.
/// </summary>
internal sealed partial class DiskWriter
{
    private const int LargestRecord = 256 << 10;
    private const string EarlierBoot = "00000000-0000-4000-8000-000000000000";
    private readonly (byte[] From, byte[] To)[] _replacements;
    private readonly string _root;

    /// <param name="root">Where it is written: the target's root, or a place where people look at it.</param>
    public DiskWriter(World recorded, World target, string root)
    {
        _root = root;
        var boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        _replacements = [Pair(recorded.Base, target.Base), Pair(recorded.Tag, target.Tag), Pair(boot, EarlierBoot)];
    }

    public void Write(DiskImage image)
    {
        var written = new Dictionary<Node, string>();
        foreach (var entry in image.Entries)
        {
            var path = Path.Combine(_root, entry.Path);
            if (entry.Node.Kind != NodeKind.Directory && !written.TryAdd(entry.Node, path))
            {
                Check(link(written[entry.Node], path), "link", path);
                continue;
            }

            Make(entry, path);
            if (entry.Node.Kind == NodeKind.Symlink) continue;
            Check(chown(path, entry.Attributes.Uid, entry.Attributes.Gid), "chown", path);
            Check(chmod(path, entry.Attributes.Mode), "chmod", path);
            foreach (var (name, value) in entry.Attributes.Xattrs) SetXattr(path, name, Convert.FromHexString(value));
        }
    }

    private void Make(ImageEntry entry, string path)
    {
        switch (entry.Node.Kind)
        {
            case NodeKind.Directory:
                Directory.CreateDirectory(path);
                break;
            case NodeKind.Symlink:
                File.CreateSymbolicLink(path, entry.Node.Target);
                break;
            case NodeKind.Special when entry.Node.Target == "S_IFCHR makedev(0, 0)":
                Check(mknod(path, 0x2000, 0), "mknod", path);
                break;
            case NodeKind.Special:
                throw new NotSupportedException($"{path}: {entry.Node.Target}");
            default:
                File.WriteAllBytes(path, Translate(entry.Content.Bytes));
                break;
        }
    }

    private ReadOnlySpan<byte> Translate(ReadOnlySpan<byte> content)
    {
        if (content.Length > LargestRecord) return content;
        byte[]? changed = null;
        foreach (var (from, to) in _replacements)
        {
            for (var at = content.IndexOf(from); at >= 0; at = ((ReadOnlySpan<byte>)changed).IndexOf(from))
            {
                changed ??= content.ToArray();
                to.CopyTo(changed, at);
            }

            content = changed ?? content;
        }

        return content;
    }

    private static (byte[] From, byte[] To) Pair(string from, string to) => from.Length == to.Length
        ? (Encoding.ASCII.GetBytes(from), Encoding.ASCII.GetBytes(to))
        : throw new InvalidOperationException($"'{from}' and '{to}' differ in length");

    private static void SetXattr(string path, string name, byte[] value) => Check(lsetxattr(path, name, value, (nuint)value.Length, 0), "lsetxattr", path);

    private static void Check(int result, string call, string path)
    {
        if (result < 0) throw new LinuxException(call, Marshal.GetLastPInvokeError(), path);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int link(string existing, string path);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int chown(string path, uint owner, uint group);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int chmod(string path, uint mode);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int mknod(string path, uint mode, ulong device);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int lsetxattr(string path, string name, byte[] value, nuint size, int flags);
}
