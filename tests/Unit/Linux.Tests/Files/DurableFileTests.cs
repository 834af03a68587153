using Xunit;

namespace ShimRuntime.Linux.Tests;

public sealed class DurableFileTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void What_a_dead_process_of_our_pid_left_half_written_is_in_nobodys_way()
    {
        var path = Path.Combine(_directory.Path, "record.json");
        for (var n = 1; n <= 500; n++) File.WriteAllText($"{path}.{Environment.ProcessId}-{n}.tmp", "torn");
        DurableFile.Write(path, "whole"u8);
        Assert.Equal("whole", File.ReadAllText(path));
    }

    [Fact]
    public void A_write_that_fails_names_the_errno_and_leaves_nothing()
    {
        var target = _directory.Make("taken/by-a-directory");
        var failure = Assert.Throws<LinuxException>(() => DurableFile.Write(Path.GetDirectoryName(target)!, "x"u8));
        Assert.Equal(Errno.EISDIR, failure.ErrorNumber);
        Assert.Equal([Path.Combine(_directory.Path, "taken")], Directory.GetFileSystemEntries(_directory.Path));
        var missing = Assert.Throws<LinuxException>(() => DurableFile.Write(Path.Combine(_directory.Path, "none", "x"), "x"u8));
        Assert.Equal(Errno.ENOENT, missing.ErrorNumber);
    }
}
