namespace ShimRuntime.Linux.Tests;

/// <summary>A private directory; mounts left in it by a failed test are taken away before it is deleted.</summary>
internal sealed class TempDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("shimruntime-").FullName;

    public string Make(string relative)
    {
        var path = System.IO.Path.Combine(Path, relative);
        Directory.CreateDirectory(path);
        return path;
    }

    public void Dispose()
    {
        MountPoint.UnmountBelow(Path);
        using var parent = SafeDirFd.Open(System.IO.Path.GetDirectoryName(Path)!);
        DirectoryTree.Remove(parent, FileName.Create(System.IO.Path.GetFileName(Path)));
    }
}
