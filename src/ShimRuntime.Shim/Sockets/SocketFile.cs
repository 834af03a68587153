using System.Text;
using Google.Protobuf;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Shim.Sockets;

/// <summary>
/// The name of a Unix listener, kept: a server takes it away when it ends, and its successor before it binds. A second name beside it, made
/// while the first was there, brings it back; the socket itself never changes (unix(7)). The directory is held open, as the process that
/// bound there saw it.
/// </summary>
internal sealed class SocketFile : IDisposable
{
    private const string SpareName = ".shimruntime-socket-";
    private const ResolveFlags InRoot = ResolveFlags.InRoot | ResolveFlags.NoMagicLinks;
    private readonly SafeDirFd _directory;
    private readonly (uint Major, uint Minor, ulong Inode) _identity;
    private readonly FileName _name;
    private readonly FileName _spare;

    private SocketFile(SafeDirFd directory, FileName name, FileName spare)
    {
        (_directory, _name, _spare) = (directory, name, spare);
        _identity = IdentityOf(directory);
    }

    /// <summary>Null when the path does not lead to a socket of that process any more, or its file system has no hard links.</summary>
    /// <param name="path">Absolute, as bound.</param>
    public static SocketFile? TryKeep(int pid, string path)
    {
        if (Split(path) is not { } parts || TryOpenDirectory(pid, parts.Directory) is not { } directory) return null;
        try
        {
            using var socket = directory.TryOpen(parts.Name.Bytes, O_PATH | O_NOFOLLOW, ResolveFlags.Beneath);
            if (socket is not null && FileMetadata.Stat(socket) is { Kind: FileKind.Socket } status)
            {
                var spare = FileName.Create($"{SpareName}{status.Inode}");
                directory.Unlink(spare); // of a shim that was killed
                directory.MakeLink(spare, directory, parts.Name);
                return new SocketFile(directory, parts.Name, spare);
            }
        }
        catch (LinuxException)
        {
            // Read-only, or without links: a successor that looks for the name then binds one of its own.
        }

        directory.Dispose();
        return null;
    }

    /// <summary>A name that another program of this process has kept.</summary>
    public static SocketFile Inherit(SavedHeld saved)
    {
        if (!FileName.TryCreate(saved.Name.Span, out var name) || !FileName.TryCreate(saved.Spare.Span, out var spare))
            throw RuntimeFault.Internal("the state has a listener whose name is none");
        return new SocketFile(SafeDirFd.Inherit(saved.Directory), name, spare);
    }

    public void Save(SavedHeld into, StateWriter writer)
    {
        into.Directory = writer.Keep(_directory.Descriptor);
        into.Name = ByteString.CopyFrom(_name.Bytes);
        into.Spare = ByteString.CopyFrom(_spare.Bytes);
    }

    /// <summary>True when that process means this very name by <paramref name="path"/>: the same volume, not another root's directory.</summary>
    public bool IsNamed(int pid, string path)
    {
        if (Split(path) is not { } parts || parts.Name != _name) return false;
        using var directory = TryOpenDirectory(pid, parts.Directory);
        return directory is not null && IdentityOf(directory) == _identity;
    }

    /// <summary>Gives the socket its name again where nobody else has taken it.</summary>
    public void PutBack()
    {
        try
        {
            _directory.MakeLink(_name, _directory, _spare);
        }
        catch (LinuxException e) when (e.ErrorNumber is Errno.EEXIST or Errno.ENOENT)
        {
            // It is there; or its volume was emptied, and then there is nothing to come back to.
        }
    }

    /// <summary>The second name goes, the first stays as it is.</summary>
    public void Dispose()
    {
        try
        {
            _directory.Unlink(_spare);
        }
        catch (LinuxException)
        {
            // The volume is gone, or read-only by now.
        }

        _directory.Dispose();
    }

    private static (byte[] Directory, FileName Name)? Split(string path)
    {
        var bytes = Encoding.Latin1.GetBytes(path);
        var slash = Array.LastIndexOf(bytes, (byte)'/');
        if (bytes.Length == 0 || bytes[0] != '/' || !FileName.TryCreate(bytes.AsSpan(slash + 1), out var name)) return null;
        return (bytes[1..Math.Max(1, slash)], name);
    }

    private static SafeDirFd? TryOpenDirectory(int pid, byte[] path)
    {
        try
        {
            // The link of /proc leads into the process's own root, which no path does.
            using var process = SafeDirFd.Open($"/proc/{pid}");
            using var root = process.TryOpenDirectory("root"u8, ResolveFlags.None);
            return root?.TryOpenDirectory(path, InRoot);
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    private static (uint Major, uint Minor, ulong Inode) IdentityOf(SafeDirFd directory)
    {
        var status = FileMetadata.Stat(directory);
        return (status.MountDeviceMajor, status.MountDeviceMinor, status.Inode);
    }
}
