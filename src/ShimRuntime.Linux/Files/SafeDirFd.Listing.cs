using System.Buffers;
using static Tmds.Linux.LibC;

namespace ShimRuntime.Linux;

public sealed unsafe partial class SafeDirFd
{
    private const int ListingBytes = 32 * 1024;
    private const int NameOffset = 19; // struct linux_dirent64: u64 ino, s64 off, u16 reclen, u8 type, name

    /// <summary>All names in this directory but "." and "..", in the file system's order.</summary>
    public List<DirectoryEntry> List()
    {
        var entries = new List<DirectoryEntry>();
        if (lseek(Fd, 0, 0) < 0) throw new LinuxException("lseek", errno);
        while (ReadSome(entries))
        {
        }

        return entries;
    }

    /// <summary>Up to about 32 KiB of names from the start: for deleting a directory of any size in bounded memory.</summary>
    public List<DirectoryEntry> ListSome()
    {
        var entries = new List<DirectoryEntry>();
        if (lseek(Fd, 0, 0) < 0) throw new LinuxException("lseek", errno);
        while (entries.Count == 0 && ReadSome(entries))
        {
        }

        return entries;
    }

    /// <summary>One getdents64(2). False at the end.</summary>
    private bool ReadSome(List<DirectoryEntry> entries)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ListingBytes);
        try
        {
            fixed (byte* start = buffer)
            {
                var count = (int)LibcCalls.getdents64(Fd, start, ListingBytes);
                if (count < 0 && LinuxException.Last("getdents64") is { ErrorNumber: not Errno.ENOENT } error)
                {
                    throw error; // ENOENT: removed meanwhile
                }

                for (var at = 0; at < count;)
                {
                    var record = buffer.AsSpan(at, count - at);
                    var length = BitConverter.ToUInt16(record[16..]);
                    var name = record[NameOffset..length];
                    if (FileName.TryCreate(name[..name.IndexOf((byte)0)], out var fileName))
                    {
                        entries.Add(new DirectoryEntry(fileName, (FileKind)(record[18] << 12)));
                    }

                    at += length;
                }

                return count > 0;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
