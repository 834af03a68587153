using System.Text;
using Xunit;

namespace ShimRuntime.Linux.Tests.Namespaces;

public class MemoryFileTests
{
    [Fact]
    public void What_is_sealed_reads_from_the_start_and_takes_no_write()
    {
        using var memory = MemoryFile.Sealed("test", "abc"u8);
        var content = new byte[3];
        Assert.Equal(3, RandomAccess.Read(memory, content, 0));
        Assert.Equal("abc"u8.ToArray(), content);
        Assert.ThrowsAny<Exception>(() => RandomAccess.Write(memory, "x"u8, 0));
    }

    [Fact]
    public void What_is_filled_later_is_seen_by_who_has_it_open_and_sealed_as_well()
    {
        using var memory = MemoryFile.Sealable("test");
        using var other = File.OpenHandle($"/proc/self/fd/{memory.DangerousGetHandle()}", FileMode.Open, FileAccess.ReadWrite);
        MemoryFile.Fill(memory, "abc"u8);
        var content = new byte[4];
        Assert.Equal(3, RandomAccess.Read(other, content, 0));
        Assert.ThrowsAny<Exception>(() => RandomAccess.Write(other, "x"u8, 0));
    }

    [Fact]
    public async Task A_child_writes_up_to_the_bound_and_not_a_byte_more()
    {
        using var exits = new ExitWatcher();
        using var output = MemoryFile.Bounded("test", 4096);
        using var child = Spawner.Spawn(new SpawnRequest
        {
            Path = "/bin/sh",
            Arguments = ["sh", "-c", "printf hello; dd if=/dev/zero bs=1000 count=10"],
            Fds = [new FdMapping((int)output.DangerousGetHandle(), 1)],
            Environment = ["PATH=/usr/bin:/bin"],
        });
        var exit = await exits.ReapAsync(child, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
        var written = MemoryFile.ReadWritten(output);
        Assert.NotEqual(0, exit.Code);
        Assert.InRange(written.Length, 5, 4096);
        Assert.Equal("hello", Encoding.ASCII.GetString(written, 0, 5));
    }

    [Fact]
    public void Nothing_written_is_nothing_read()
    {
        using var output = MemoryFile.Bounded("test", 4096);
        Assert.Empty(MemoryFile.ReadWritten(output));
    }
}
