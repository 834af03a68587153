using System.Globalization;
using System.IO.MemoryMappedFiles;
using Xunit;

namespace ShimRuntime.Linux.Tests.Processes;

public sealed class MappedFilesTests : IDisposable
{
    private const int Bytes = 1 << 20;
    private const int SumOfAll = Bytes / 4096 * 255 / 2;
    private readonly string _path = Path.GetTempFileName();

    public MappedFilesTests() => File.WriteAllBytes(_path, Enumerable.Range(0, Bytes).Select(i => (byte)(i / 4096)).ToArray());

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Pages_that_are_only_read_go_back_and_come_again()
    {
        using var file = MemoryMappedFile.CreateFromFile(_path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        using var view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        Assert.Equal(SumOfAll, Sum(view));
        Assert.Equal(Bytes / 1024, Resident());
        MappedFiles.ReturnPages();
        Assert.Equal(0, Resident());
        Assert.Equal(SumOfAll, Sum(view));
    }

    [Fact]
    public void What_was_written_stays()
    {
        using var file = MemoryMappedFile.CreateFromFile(_path, FileMode.Open, null, 0, MemoryMappedFileAccess.CopyOnWrite);
        using var view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.CopyOnWrite);
        view.Write(8192, (byte)77);
        MappedFiles.ReturnPages();
        Assert.Equal(77, view.ReadByte(8192));
    }

    private static int Sum(MemoryMappedViewAccessor view) => Enumerable.Range(0, Bytes / 4096).Sum(i => view.ReadByte(i * 4096));

    /// <summary>Kilobytes of the file that are mapped here.</summary>
    private int Resident()
    {
        var lines = File.ReadLines("/proc/self/smaps").SkipWhile(l => !l.EndsWith(_path, StringComparison.Ordinal));
        var resident = lines.First(l => l.StartsWith("Rss:", StringComparison.Ordinal));
        return int.Parse(resident["Rss:".Length..^"kB".Length].Trim(), CultureInfo.InvariantCulture);
    }
}
