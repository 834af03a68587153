namespace ShimRuntime.Cli.Logs;

/// <summary>Which file an open stream is, whatever its path says by now (/proc/self/fdinfo's inode and mount).</summary>
internal static class FileIdentity
{
    public static string Of(FileStream file)
    {
        var info = File.ReadAllLines($"/proc/self/fdinfo/{file.SafeFileHandle.DangerousGetHandle()}");
        return string.Join(' ', info.Where(l => l.StartsWith("ino:", StringComparison.Ordinal) || l.StartsWith("mnt_id:", StringComparison.Ordinal)));
    }
}
