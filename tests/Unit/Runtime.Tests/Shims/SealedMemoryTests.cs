using ShimRuntime.Linux;
using ShimRuntime.Runtime.Shims;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Shims;

public class SealedMemoryTests
{
    [Fact]
    public void What_is_sealed_can_be_read_and_never_changed()
    {
        using var memory = MemoryFile.Sealed("test", [1, 2, 3]);
        var read = new byte[8];
        Assert.Equal(3, RandomAccess.Read(memory, read, 0));
        Assert.Equal([1, 2, 3], read[..3]);
        Assert.ThrowsAny<Exception>(() => RandomAccess.Write(memory, [9], 0));
        Assert.ThrowsAny<Exception>(() => RandomAccess.SetLength(memory, 0));
    }

    [Fact]
    public void An_append_file_is_private_and_follows_no_link()
    {
        var directory = Directory.CreateTempSubdirectory("shimruntime-append-").FullName;
        try
        {
            var path = Path.Combine(directory, "shim.log");
            AppendFile.Open(path).Dispose();
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            File.CreateSymbolicLink(Path.Combine(directory, "link"), path);
            Assert.Equal(Errno.ELOOP, Assert.Throws<LinuxException>(() => AppendFile.Open(Path.Combine(directory, "link"))).ErrorNumber);
        }
        finally
        {
            Directory.Delete(directory, true);
        }
    }
}
