using System.Text;
using ShimRuntime.Images.Tests.Layers;
using ShimRuntime.Images.Tests.Support;
using Xunit;

namespace ShimRuntime.Images.Tests.Checkpoints;

public sealed class FlatArchiveTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task What_is_written_is_read_back_with_the_same_hashes()
    {
        var path = Path.Combine(_directory.Path, "a.tar");
        var temporary = ArchiveFile.TemporaryFor(path);
        await using var archive = ArchiveFile.Create(path, temporary);
        await archive.AddDirectoryAsync("checkpoint", CancellationToken.None);
        await archive.AddBytesAsync("checkpoint/pages-1.img", Encoding.ASCII.GetBytes(new string('p', 70_000)), CancellationToken.None);
        await archive.AddBytesAsync("config.dump", "{}"u8.ToArray(), CancellationToken.None);
        Assert.False(File.Exists(path));
        await archive.CommitAsync(CancellationToken.None);
        Assert.False(File.Exists(temporary));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        var read = await UnpackAsync(File.ReadAllBytes(path));
        Assert.Equal(archive.Files.ToArray(), read.ToArray());
        Assert.Equal("{}", File.ReadAllText(Path.Combine(_directory.Path, "out/config.dump")));
    }

    [Fact]
    public async Task An_archive_that_is_not_committed_leaves_nothing()
    {
        var path = Path.Combine(_directory.Path, "a.tar");
        await using (var archive = ArchiveFile.Create(path, ArchiveFile.TemporaryFor(path)))
            await archive.AddBytesAsync("x", new byte[10], CancellationToken.None);
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    public static TheoryData<string, Func<byte[]>> Hostile => new()
    {
        { "dotdot", () => new TarBuilder().File("../x").Build() },
        { "dotdot inside", () => new TarBuilder().File("checkpoint/../../x").Build() },
        { "absolute", () => new TarBuilder().File("/etc/x").Build() },
        { "symlink", () => new TarBuilder().Symlink("checkpoint", "/etc").Build() },
        { "hard link", () => new TarBuilder().File("a").HardLink("b", "a").Build() },
        { "device", () => new TarBuilder().Device('4', "sda", 8, 0).Build() },
        { "fifo", () => new TarBuilder().Fifo("f").Build() },
        { "twice", () => new TarBuilder().File("a", "1").File("a", "2").Build() },
        { "file and directory", () => new TarBuilder().File("a", "1").File("a/b", "2").Build() },
        { "deep", () => new TarBuilder().File("a/b/c/d/e/f/g").Build() },
        { "control character", () => new TarBuilder().File("a\nb").Build() },
        { "no name", () => new TarBuilder().File("").Build() },
        { "more than there is room for", () => new TarBuilder().File("a", new string('x', 2 << 20)).Build() },
        { "cut off", () => new TarBuilder().File("a", new string('x', 4000)).Build()[..1500] },
        { "no tar", () => [.. Enumerable.Range(0, 10_000).Select(i => (byte)(i * 7))] },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task A_hostile_archive_is_refused_and_nothing_is_outside(string name, Func<byte[]> build)
    {
        var error = await Assert.ThrowsAsync<InvalidDataException>(() => UnpackAsync(build()));
        Assert.True(error.Message.Length > 10, name);
        Assert.Equal(["out"], Directory.GetFileSystemEntries(_directory.Path).Select(Path.GetFileName));
    }

    private Task<IReadOnlyDictionary<string, ArchivedFile>> UnpackAsync(byte[] tar)
    {
        var target = Directory.CreateDirectory(Path.Combine(_directory.Path, "out")).FullName;
        return FlatArchive.UnpackAsync(new MemoryStream(tar), target, 1 << 20, CancellationToken.None);
    }
}
