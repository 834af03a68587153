namespace ShimRuntime.Images.Tests.Support;

/// <summary>A directory of the test's own, deleted with it.</summary>
public sealed class TempDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("shimruntime-images-").FullName;

    public void Dispose() => Directory.Delete(Path, true);
}
