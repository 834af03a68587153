using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>A layer's tar, entry by entry, hostile ones included: nothing is checked or made up. Times are fixed, so digests are stable.</summary>
public sealed class LayerBuilder
{
    private static readonly DateTimeOffset Epoch = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
    private readonly MemoryStream _stream = new();
    private readonly TarWriter _tar;
    private byte[]? _bytes;

    public LayerBuilder() => _tar = new TarWriter(_stream, TarEntryFormat.Pax, true);

    /// <summary>octal permission bits such as "4755".</summary>
    public LayerBuilder File(string path, string content, string mode = "644", int uid = 0, int gid = 0) =>
        File(path, Encoding.UTF8.GetBytes(content), mode, uid, gid);

    public LayerBuilder File(string path, byte[] content, string mode = "644", int uid = 0, int gid = 0)
    {
        var entry = Entry(TarEntryType.RegularFile, path, mode, uid, gid);
        entry.DataStream = new MemoryStream(content);
        return Write(entry);
    }

    public LayerBuilder Directory(string path, string mode = "755", int uid = 0, int gid = 0) => Write(Entry(TarEntryType.Directory, path, mode, uid, gid));

    public LayerBuilder Symlink(string path, string target) => Link(TarEntryType.SymbolicLink, path, target);

    public LayerBuilder HardLink(string path, string target) => Link(TarEntryType.HardLink, path, target);

    public LayerBuilder Whiteout(string directory, string name) => File($"{directory}/.wh.{name}".TrimStart('/'), "");

    public LayerBuilder Opaque(string directory) => File($"{directory}/.wh..wh..opq", "");

    public LayerBuilder Device(string path, int major, int minor, string mode = "600")
    {
        var entry = (PaxTarEntry)Entry(TarEntryType.CharacterDevice, path, mode, 0, 0);
        entry.DeviceMajor = major;
        entry.DeviceMinor = minor;
        return Write(entry);
    }

    public LayerBuilder Fifo(string path) => Write(Entry(TarEntryType.Fifo, path, "644", 0, 0));

    /// <summary>A file with extended attributes (SCHILY.xattr.* in the pax header).</summary>
    public LayerBuilder FileWithXattr(string path, string content, string name, string value)
    {
        var entry = new PaxTarEntry(TarEntryType.RegularFile, path, [new($"SCHILY.xattr.{name}", value)])
        {
            ModificationTime = Epoch,
            Mode = (UnixFileMode)Convert.ToInt32("644", 8),
            DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)),
        };
        return Write(entry);
    }

    public byte[] Tar()
    {
        if (_bytes is not null) return _bytes;
        _tar.Dispose();
        return _bytes = _stream.ToArray();
    }

    public byte[] Gzip()
    {
        var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest, true)) gzip.Write(Tar());
        return output.ToArray();
    }

    private static PaxTarEntry Entry(TarEntryType type, string path, string mode, int uid, int gid) => new(type, path)
    {
        ModificationTime = Epoch,
        Mode = (UnixFileMode)Convert.ToInt32(mode, 8),
        Uid = uid,
        Gid = gid,
    };

    private LayerBuilder Link(TarEntryType type, string path, string target)
    {
        var entry = Entry(type, path, "777", 0, 0);
        entry.LinkName = target;
        return Write(entry);
    }

    private LayerBuilder Write(TarEntry entry)
    {
        _tar.WriteEntry(entry);
        return this;
    }
}
