using System.Text;

namespace ShimRuntime.Linux;

public sealed unsafe partial class SafeDirFd
{
    private const int MaxXattrBytes = 64 * 1024; // XATTR_SIZE_MAX and XATTR_LIST_MAX

    /// <summary>
    /// Sets an extended attribute of the entry itself (xattr(7)); ENOTSUP where the file system has none, EPERM for user.* of a link or
    /// node.
    /// </summary>
    public void SetXattr(FileName name, ReadOnlySpan<byte> attribute, ReadOnlySpan<byte> value) =>
        SetXattrAt(ProcPathOf(name), attribute, value);

    /// <summary>Sets an extended attribute of this directory.</summary>
    public void SetXattr(ReadOnlySpan<byte> attribute, ReadOnlySpan<byte> value)
    {
        using var key = new CBytes(attribute);
        fixed (byte* data = value)
        {
            LinuxException.Check(LibcCalls.fsetxattr(Fd, key.Pointer, data, (nuint)value.Length, 0), "fsetxattr",
                PathBytes.Display(attribute));
        }
    }

    /// <summary>The value, or null when the entry itself has no such attribute.</summary>
    public byte[]? TryGetXattr(FileName name, ReadOnlySpan<byte> attribute) => GetXattrAt(ProcPathOf(name), attribute);

    /// <summary>The value, or null when this directory has no such attribute.</summary>
    public byte[]? TryGetXattr(ReadOnlySpan<byte> attribute) => GetXattrAt(OwnPath(), attribute);

    /// <summary>Names of the entry's extended attributes, as bytes.</summary>
    public IReadOnlyList<byte[]> ListXattrs(FileName name) => ListXattrsAt(ProcPathOf(name));

    /// <summary>Names of this directory's extended attributes.</summary>
    public IReadOnlyList<byte[]> ListXattrs() => ListXattrsAt(OwnPath());

    /// <summary>Removes an attribute of this directory; one that is not there is no error.</summary>
    public void RemoveXattr(ReadOnlySpan<byte> attribute)
    {
        using var key = new CBytes(attribute);
        fixed (byte* path = OwnPath())
        {
            if (LibcCalls.lremovexattr(path, key.Pointer) == 0) return;
        }

        var error = LinuxException.Last("lremovexattr", PathBytes.Display(attribute));
        if (error.ErrorNumber != Errno.ENODATA) throw error;
    }

    // "/proc/self/fd/N/." is the directory itself, where "/proc/self/fd/N" would be the magic link for the l… calls.
    private byte[] OwnPath() => [.. Encoding.ASCII.GetBytes(ProcPath), (byte)'/', (byte)'.', 0];

    private static void SetXattrAt(byte[] path, ReadOnlySpan<byte> attribute, ReadOnlySpan<byte> value)
    {
        using var key = new CBytes(attribute);
        fixed (byte* at = path)
        fixed (byte* data = value)
        {
            LinuxException.Check(LibcCalls.lsetxattr(at, key.Pointer, data, (nuint)value.Length, 0), "lsetxattr",
                PathBytes.Display(attribute));
        }
    }

    private static byte[]? GetXattrAt(byte[] path, ReadOnlySpan<byte> attribute)
    {
        using var key = new CBytes(attribute);
        var buffer = stackalloc byte[256];
        fixed (byte* at = path)
        {
            var length = LibcCalls.lgetxattr(at, key.Pointer, buffer, 256);
            if (length >= 0) return new ReadOnlySpan<byte>(buffer, (int)length).ToArray();
            var error = LinuxException.Last("lgetxattr", PathBytes.Display(attribute));
            if (error.ErrorNumber is Errno.ENODATA or Errno.ENOTSUP) return null;
            if (error.ErrorNumber != Errno.ERANGE) throw error;
            var large = new byte[MaxXattrBytes];
            fixed (byte* data = large) length = LibcCalls.lgetxattr(at, key.Pointer, data, MaxXattrBytes);
            LinuxException.Check(length, "lgetxattr");
            return large[..(int)length];
        }
    }

    private static List<byte[]> ListXattrsAt(byte[] path)
    {
        var names = new List<byte[]>();
        fixed (byte* at = path)
        {
            var length = LibcCalls.llistxattr(at, null, 0);
            if (length == 0) return names;
            var list = new byte[MaxXattrBytes];
            if (length > 0) fixed (byte* data = list) length = LibcCalls.llistxattr(at, data, MaxXattrBytes);
            if (length < 0)
            {
                var error = LinuxException.Last("llistxattr");
                return error.ErrorNumber == Errno.ENOTSUP ? names : throw error;
            }

            var rest = list.AsSpan(0, (int)length);
            foreach (var range in rest.Split((byte)0))
            {
                if (!rest[range].IsEmpty) names.Add(rest[range].ToArray());
            }

            return names;
        }
    }
}
