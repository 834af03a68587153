using System.Text;
using ShimRuntime.PowerLoss.Tests.Disk;
using ShimRuntime.PowerLoss.Tests.Trace;

namespace ShimRuntime.PowerLoss.Tests;

/// <summary>strace's notation, in the lines that it writes.</summary>
public sealed class TraceReaderTests : IDisposable
{
    private const string Root = "/r";
    private readonly string _trace = Path.GetTempFileName();
    private readonly DiskModel _disk = new();

    public void Dispose() => File.Delete(_trace);

    [Fact]
    public void CallsBecomeATree()
    {
        Walk(
            $"7 10.5 mkdir({Quoted("/r/d")}, 0700) = 0 <0.000100>",
            $"7 11.0 openat(AT_FDCWD<{Hex("/")}>, {Quoted("/r/d/f")}, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 5<{Hex("/r/d/f")}> <0.000100>",
            $"7 12.0 write(5<{Hex("/r/d/f")}>, {Quoted("hello, world")}, 12) = 12 <0.000100>",
            $"7 13.0 openat2(4<{Hex("/r/d")}>, {Quoted("none")}, {{flags=O_RDONLY|O_CLOEXEC, resolve=RESOLVE_BENEATH}}, 24) = -1 ENOENT (No such file or directory) <0.000100>",
            $"7 14.0 renameat2(4<{Hex("/r/d")}>, {Quoted("f")}, AT_FDCWD<{Hex("/")}>, {Quoted("/r/g")}, RENAME_NOREPLACE) = 0 <0.000100>",
            $"7 15.0 write(2<{Hex("/elsewhere")}>, {Quoted("noise")}, 5) = 5 <0.000100>");
        Assert.Empty(_disk.Get("d").Names);
        Assert.Equal("hello, world", Encoding.UTF8.GetString(_disk.Get("g").Content.Bytes));
        Assert.Equal(384u, _disk.Get("g").Attributes.Mode);
    }

    [Fact]
    public void ASyncTakesEffectWhenItReturnsForWhatWasThereWhenItBegan()
    {
        var points = Walk(
            $"7 1.0 openat(AT_FDCWD<{Hex("/")}>, {Quoted("/r/f")}, O_WRONLY|O_CREAT, 0600) = 5<{Hex("/r/f")}> <0.000100>",
            $"7 2.0 write(5<{Hex("/r/f")}>, {Quoted("one")}, 3) = 3 <0.000100>",
            $"7 3.0 fsync(5<{Hex("/r/f")}> <unfinished ...>",
            $"8 3.5 write(5<{Hex("/r/f")}>, {Quoted("two")}, 3) = 3 <0.250000>",
            "7 4.0 <... fsync resumed>) = 0 <1.000000>");
        Assert.Equal("one", Encoding.UTF8.GetString(_disk.Get("f").DurableContent.Bytes));
        Assert.Equal("onetwo", Encoding.UTF8.GetString(_disk.Get("f").Content.Bytes));
        Assert.Equal([2.0001, 3.75, 4.0, double.PositiveInfinity], points.Select(p => p.Until));
    }

    private List<CrashPoint> Walk(params string[] lines)
    {
        File.WriteAllLines(_trace, lines);
        var points = new List<CrashPoint>();
        new Recording(_trace).Walk(Root, _disk, points.Add);
        return points;
    }

    private static string Quoted(string text) => $"\"{Hex(text)}\"";

    private static string Hex(string text) => string.Concat(Encoding.UTF8.GetBytes(text).Select(b => $"\\x{b:x2}"));
}
