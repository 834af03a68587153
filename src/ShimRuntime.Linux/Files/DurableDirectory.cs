namespace ShimRuntime.Linux;

/// <summary>Directories that hold durable files: what is synced in one is lost all the same while its own name is not on disk.</summary>
public static class DurableDirectory
{
    private const UnixFileMode Listable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>Makes a directory, and what lacks above it (0755), each name synced. One that is there keeps its mode.</summary>
    public static void Make(string path, UnixFileMode mode)
    {
        if (Directory.Exists(path)) return;
        var parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)))!;
        Make(parent, Listable);
        Directory.CreateDirectory(path, mode);
        DurableFile.SyncDirectory(parent);
    }
}
