using System.Text;
using System.Text.RegularExpressions;
using ShimRuntime.PowerLoss.Tests.Disk;

namespace ShimRuntime.PowerLoss.Tests.Trace;

/// <summary>
/// Does to a <see cref="DiskModel"/> what system calls did to a tree. A call that writes to the tree in a way that is not known here is an error:
/// a recording with holes would prove nothing.
/// </summary>
internal sealed partial class CallDecoder(DiskModel disk, string root)
{
    /// <summary>What strace has to show.</summary>
    public const string Calls = "open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile,splice,fallocate,truncate,ftruncate,"
        + "fsync,fdatasync,syncfs,sync,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,mknod,mknodat,"
        + "chmod,fchmod,fchmodat,chown,lchown,fchown,fchownat,setxattr,lsetxattr,fsetxattr,removexattr,lremovexattr,fremovexattr";

    private const uint Umask = 0x12; // 022, the daemon's
    private readonly CallPaths _paths = new(root);

    public static bool IsSync(TracedCall call) => call.Name is "fsync" or "fdatasync" or "syncfs" or "sync";

    /// <summary>What a sync that begins now makes durable when it returns. Null: nothing of this tree.</summary>
    public Action? BeginSync(TracedCall call)
    {
        if (call.Name is "sync") return disk.BeginSync(null);
        if (_paths.OfDescriptor(call.Arguments[0]) is not { } path || disk.Find(path) is not { } node) return null;
        return disk.BeginSync(call.Name is "syncfs" ? null : node);
    }

    /// <summary>True: the tree is not what it was.</summary>
    public bool Apply(TracedCall call)
    {
        var a = call.Arguments;
        return call.Name switch
        {
            "open" => Open(call, _paths.Of(null, a[0]), a[1], a.ElementAtOrDefault(2)),
            "creat" => Open(call, _paths.Of(null, a[0]), "O_WRONLY|O_CREAT|O_TRUNC", a[1]),
            "openat" => Open(call, _paths.Of(a[0], a[1]), a[2], a.ElementAtOrDefault(3)),
            "openat2" => Open(call, _paths.Of(a[0], a[1]), Field(a[2], "flags"), Field(a[2], "mode")),
            "write" or "pwrite64" or "writev" or "pwritev" or "pwritev2" => Write(call),
            "ftruncate" => On(_paths.OfDescriptor(a[0]), n => disk.Resize(n, call.Number(1))),
            "truncate" => On(_paths.Of(null, a[0]), n => disk.Resize(n, call.Number(1))),
            "fallocate" => On(_paths.OfDescriptor(a[0]), n => Allocate(n, call)),
            "copy_file_range" => Refuse(call, _paths.OfDescriptor(a[2])),
            "sendfile" => Refuse(call, _paths.OfDescriptor(a[0])),
            "splice" => Refuse(call, _paths.OfDescriptor(a[2])),
            "mkdir" => Make(_paths.Of(null, a[0]), NodeKind.Directory, call.Number(1)),
            "mkdirat" => Make(_paths.Of(a[0], a[1]), NodeKind.Directory, call.Number(2)),
            "mknod" => Special(_paths.Of(null, a[0]), a[1], a.ElementAtOrDefault(2)),
            "mknodat" => Special(_paths.Of(a[0], a[1]), a[2], a.ElementAtOrDefault(3)),
            "symlink" => Make(_paths.Of(null, a[1]), NodeKind.Symlink, 511, Text(a[0])),
            "symlinkat" => Make(_paths.Of(a[1], a[2]), NodeKind.Symlink, 511, Text(a[0])),
            "link" => Link(_paths.Of(null, a[0]), _paths.Of(null, a[1])),
            "linkat" => Link(_paths.Of(a[0], a[1]), _paths.Of(a[2], a[3])),
            "rename" => Rename(call, _paths.Of(null, a[0]), _paths.Of(null, a[1])),
            "renameat" or "renameat2" => Rename(call, _paths.Of(a[0], a[1]), _paths.Of(a[2], a[3])),
            "unlink" or "rmdir" => Unlink(_paths.Of(null, a[0])),
            "unlinkat" => Unlink(_paths.Of(a[0], a[1])),
            _ => ApplyAttributes(call),
        };
    }

    private bool ApplyAttributes(TracedCall call)
    {
        var a = call.Arguments;
        return call.Name switch
        {
            "chmod" => Mode(_paths.Of(null, a[0]), call.Number(1)),
            "fchmod" => Mode(_paths.OfDescriptor(a[0]), call.Number(1)),
            "fchmodat" => Mode(_paths.Of(a[0], a[1]), call.Number(2)),
            "chown" or "lchown" => Owner(_paths.Of(null, a[0]), call, 1),
            "fchown" => Owner(_paths.OfDescriptor(a[0]), call, 1),
            "fchownat" => Owner(_paths.Of(a[0], a[1]), call, 2),
            "setxattr" or "lsetxattr" => Xattr(_paths.Of(null, a[0]), a[1], a[2]),
            "fsetxattr" => Xattr(_paths.OfDescriptor(a[0]), a[1], a[2]),
            "removexattr" or "lremovexattr" => Xattr(_paths.Of(null, a[0]), a[1], null),
            "fremovexattr" => Xattr(_paths.OfDescriptor(a[0]), a[1], null),
            _ => throw new NotSupportedException($"the trace has {call.Name}, which the model does not know"),
        };
    }

    private bool Open(TracedCall call, string? path, string flags, string? mode)
    {
        path = _paths.Inside(call.ResultPath) ?? path;
        _paths.Remember(call);
        if (path is null) return false;
        var set = flags.Split('|');
        if (set.Contains("O_TMPFILE")) throw new NotSupportedException($"O_TMPFILE in '{path}' is not known to the model");
        var node = disk.Find(path);
        var created = node is null && set.Contains("O_CREAT");
        if (created) node = disk.Create(path, NodeKind.File, New(Octal(mode ?? "0")));
        if (node is not { Kind: NodeKind.File } || set.Contains("O_PATH") || !set.Any(f => f is "O_WRONLY" or "O_RDWR")) return created;
        var truncated = set.Contains("O_TRUNC") && node.Content.Bytes.Length > 0;
        if (truncated) disk.Resize(node, 0);
        node.Position = set.Contains("O_APPEND") ? node.Content.Bytes.Length : 0;
        return created || truncated;
    }

    private bool Write(TracedCall call) => On(_paths.OfDescriptor(call.Arguments[0]), node =>
    {
        var vector = call.Name.Contains("writev", StringComparison.Ordinal);
        var bytes = vector ? Vector(call.Arguments[1]) : TraceText.Bytes(call.Arguments[1]);
        var positioned = call.Name.StartsWith('p');
        var offset = positioned ? call.Number(3) : node.Position;
        disk.Write(node, offset, bytes.AsSpan(0, (int)call.Result));
        if (!positioned) node.Position = offset + call.Result;
    });

    private void Allocate(Node node, TracedCall call)
    {
        if (call.Arguments[1] != "0") throw new NotSupportedException($"fallocate with {call.Arguments[1]} is not known to the model");
        disk.Resize(node, Math.Max(node.Content.Bytes.Length, call.Number(2) + call.Number(3)));
    }

    private bool Make(string? path, NodeKind kind, long mode, string target = "")
    {
        if (path is null or "") return false;
        disk.Create(path, kind, kind == NodeKind.Symlink ? new Attributes(511, 0, 0) : New((uint)mode), target);
        return true;
    }

    private bool Special(string? path, string mode, string? device)
    {
        var bits = mode.Split('|');
        if (bits[0] == "S_IFREG") return Make(path, NodeKind.File, Octal(bits[^1]));
        return Make(path, NodeKind.Special, Octal(bits[^1]), $"{bits[0]} {device}");
    }

    private bool Link(string? from, string? to)
    {
        if (to is null) return false;
        disk.Link(disk.Get(from ?? throw new NotSupportedException($"'{to}' is linked from outside")), to);
        return true;
    }

    private bool Rename(TracedCall call, string? from, string? to)
    {
        if (from is null && to is null) return false;
        if (from is null || to is null || call.Has(4, "RENAME_EXCHANGE") || call.Has(4, "RENAME_WHITEOUT"))
            throw new NotSupportedException($"a rename of '{from}' to '{to}' is not known to the model");
        if (from != to) disk.Rename(from, to);
        return true;
    }

    private bool Unlink(string? path)
    {
        // What a container wrote came through overlayfs, in no call on this path: see ModelCheck.
        if (path is null || (disk.Find(path) is null && path.Split('/') is ["snapshots", _, "fs" or "work", _, ..])) return false;
        disk.Unlink(path);
        return true;
    }

    private bool Mode(string? path, long mode) => On(path, n => n.Attributes = n.Attributes with { Mode = (uint)mode });

    private bool Owner(string? path, TracedCall call, int first) => On(path, n => n.Attributes = n.Attributes with
    {
        Uid = call.Arguments[first] == "-1" ? n.Attributes.Uid : (uint)call.Number(first),
        Gid = call.Arguments[first + 1] == "-1" ? n.Attributes.Gid : (uint)call.Number(first + 1),
    });

    private bool Xattr(string? path, string name, string? value) => On(path, n => n.Attributes = n.Attributes with
    {
        Xattrs = value is null ? n.Attributes.Xattrs.Remove(Text(name)) : n.Attributes.Xattrs.SetItem(Text(name), Convert.ToHexStringLower(TraceText.Bytes(value))),
    });

    private static bool Refuse(TracedCall call, string? target) =>
        target is null ? false : throw new NotSupportedException($"{call.Name} to '{target}' shows no bytes: the model can't follow it");

    /// <summary>A file without a name is nobody's after a power loss.</summary>
    private bool On(string? path, Action<Node> change)
    {
        if (path is null || disk.Find(path) is not { } node) return false;
        change(node);
        return true;
    }

    private static Attributes New(uint mode) => new(mode & ~Umask, 0, 0);

    private static uint Octal(string text) => Convert.ToUInt32(text, 8);

    private static string Text(string quoted) => Encoding.UTF8.GetString(TraceText.Bytes(quoted));

    private static string Field(string record, string name) =>
        TraceText.Split(record.AsSpan()[1..^1]).FirstOrDefault(f => f.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..] ?? "0";

    private static byte[] Vector(string list) => [.. Bases().Matches(list).SelectMany(m => TraceText.Bytes(m.Groups[1].Value))];

    [GeneratedRegex("iov_base=(\"[^\"]*\")")]
    private static partial Regex Bases();
}
