using ShimRuntime.Runtime.Checkpoints;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Checkpoints;

public sealed class UtsImageTests : IDisposable
{
    // As CRIU 3.17.1 wrote it for a host called "c".
    private static readonly byte[] OfCriu =
        [0x54, 0x56, 0x56, 0x46, 0x24, 0x50, 0x64, 0x54, 11, 0, 0, 0, 0x0A, 1, (byte)'c', 0x12, 6, .. "(none)"u8];

    private readonly string _directory = Directory.CreateTempSubdirectory("shimruntime-uts-").FullName;

    public void Dispose() => Directory.Delete(_directory, true);

    [Fact]
    public void The_name_is_the_new_pods_and_all_else_is_as_it_was()
    {
        var path = Path.Combine(_directory, "utsns-12.img");
        File.WriteAllBytes(path, OfCriu);
        UtsImage.SetHostname(_directory, "web-2");
        Assert.Equal([.. OfCriu[..8], 15, 0, 0, 0, 0x0A, 5, .. "web-2"u8, 0x12, 6, .. "(none)"u8], File.ReadAllBytes(path));
        UtsImage.SetHostname(_directory, "c");
        Assert.Equal(OfCriu, File.ReadAllBytes(path));
    }

    [Fact]
    public void What_is_cut_off_is_refused()
    {
        File.WriteAllBytes(Path.Combine(_directory, "utsns-1.img"), OfCriu[..10]);
        Assert.Throws<InvalidDataException>(() => UtsImage.SetHostname(_directory, "c"));
    }
}
