using System.Runtime.InteropServices;
using System.Text;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;
using Xunit;

namespace ShimRuntime.Shim.Tests.Logging;

public sealed partial class LogFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("log-").FullName;

    public void Dispose() => Directory.Delete(_directory, true);

    [Fact]
    public void A_link_as_the_log_is_not_followed()
    {
        var victim = $"{_directory}/victim";
        File.Create(victim).Dispose();
        Directory.CreateDirectory($"{_directory}/pod");
        File.CreateSymbolicLink($"{_directory}/pod/0.log", victim);
        Assert.Equal(FaultCode.InvalidArgument, Refusal($"{_directory}/pod", "0.log"));
    }

    [Fact]
    public void A_link_on_the_way_is_not_followed()
    {
        Directory.CreateDirectory($"{_directory}/elsewhere");
        Directory.CreateDirectory($"{_directory}/pod");
        Directory.CreateSymbolicLink($"{_directory}/pod/app", $"{_directory}/elsewhere");
        Assert.Equal(FaultCode.InvalidArgument, Refusal($"{_directory}/pod", "app/0.log"));
        Assert.Empty(Directory.GetFiles($"{_directory}/elsewhere"));
    }

    [Theory]
    [InlineData("../0.log")]
    [InlineData("a/../../0.log")]
    public void A_path_out_of_the_log_directory_is_refused(string path)
    {
        Directory.CreateDirectory($"{_directory}/pod/a");
        Assert.Equal(FaultCode.InvalidArgument, Refusal($"{_directory}/pod", path));
        Assert.False(File.Exists($"{_directory}/0.log"));
    }

    [Fact]
    public void A_fifo_neither_hangs_us_nor_is_written()
    {
        Assert.Equal(0, MakeFifo($"{_directory}/0.log", 0x1a4));
        using var reader = new FileStream($"{_directory}/0.log", FileMode.Open, FileAccess.ReadWrite);
        Assert.Equal(FaultCode.InvalidArgument, Refusal(_directory, "0.log"));
    }

    [Fact]
    public void A_missing_directory_is_NotFound()
    {
        Assert.Equal(FaultCode.NotFound, Refusal($"{_directory}/none", "0.log"));
        Assert.Equal(FaultCode.NotFound, Refusal(_directory, "none/0.log"));
    }

    [Fact]
    public void A_failed_reopen_leaves_the_old_file_in_use()
    {
        Directory.CreateDirectory($"{_directory}/pod");
        using var log = LogFile.Open($"{_directory}/pod", "0.log");
        Directory.Move($"{_directory}/pod", $"{_directory}/moved");
        Assert.Throws<RuntimeFault>(log.Reopen);
        Assert.True(log.IsOpen);
    }

    [Fact]
    public void A_full_disk_costs_whole_lines_which_are_counted_and_the_log_goes_on_after()
    {
        var disk = $"{_directory}/disk";
        Directory.CreateDirectory(disk);
        Assert.Equal(0, Mount("tmpfs", disk, "tmpfs", 0, "size=64k"));
        Directory.CreateDirectory($"{disk}/logs");
        try
        {
            using var rig = new LogRig($"{disk}/logs");
            var line = new string('x', 99) + "\n";
            var sent = Enumerable.Repeat((LogStream.Stdout, Encoding.ASCII.GetBytes(line)), 3000).ToList();
            rig.Pump(sent);
            var written = rig.Lines(); // throws for a torn line
            Assert.InRange(written.Count, 1, 600);
            Assert.All(written, l => Assert.Equal(("F", 99), (l.Tag, l.Text.Length)));
            Assert.Equal((ulong)(3000 - written.Count) * 99, rig.File.DroppedBytes);
            File.WriteAllBytes(rig.Path, []);
            rig.Pump([(LogStream.Stderr, "after\n"u8.ToArray())]);
            Assert.Equal("after", Assert.Single(rig.Lines()).Text);
        }
        finally
        {
            Assert.Equal(0, Unmount(disk, 2));
        }
    }

    private static FaultCode Refusal(string directory, string path) =>
        Assert.Throws<RuntimeFault>(() => LogFile.Open(directory, path)).Code;

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "mount", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, ulong flags, string data);

    [LibraryImport("libc", EntryPoint = "umount2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);
}
