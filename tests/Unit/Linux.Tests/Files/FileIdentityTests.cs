using Xunit;

namespace ShimRuntime.Linux.Tests.Files;

public sealed class FileIdentityTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string At(string name) => Path.Combine(_directory.Path, name);

    [Fact]
    public void Names_and_links_do_not_matter_and_a_replacement_is_another_file()
    {
        var (path, link) = (At("file"), At("link"));
        File.WriteAllText(path, "one");
        File.CreateSymbolicLink(link, path);
        using var held = File.OpenHandle(path);
        var before = FileIdentity.TryRead(path);
        Assert.NotNull(before);
        Assert.Equal(before, FileIdentity.TryRead(link));

        File.WriteAllText(path + ".new", "one");
        File.Move(path + ".new", path, true);
        Assert.NotEqual(before, FileIdentity.TryRead(path));
        Assert.Equal(before, FileIdentity.TryRead($"/proc/self/fd/{held.DangerousGetHandle()}"));
        Assert.Null(FileIdentity.TryRead(At("missing")));
    }
}
