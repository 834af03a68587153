using Xunit;

namespace ShimRuntime.Linux.Tests;

public sealed class DurableDirectoryTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_last_gets_the_mode_and_one_that_is_there_keeps_its_own()
    {
        var (above, below) = (Path.Combine(_directory.Path, "above"), Path.Combine(_directory.Path, "above", "below"));
        DurableDirectory.Make(below + "/", OwnerOnly);
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(below));
        Assert.NotEqual(UnixFileMode.None, File.GetUnixFileMode(above) & UnixFileMode.OtherExecute);
        DurableDirectory.Make(above, OwnerOnly);
        Assert.NotEqual(UnixFileMode.None, File.GetUnixFileMode(above) & UnixFileMode.OtherExecute);
    }
}
