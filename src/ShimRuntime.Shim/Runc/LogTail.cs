namespace ShimRuntime.Shim.Runc;

/// <summary>The end of a log that another program has written: as much as there can be sense in.</summary>
internal static class LogTail
{
    private const int MaxBytes = 64 * 1024;

    /// <summary>Null: there is none, or it can't be read.</summary>
    public static byte[]? Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > MaxBytes) file.Seek(-MaxBytes, SeekOrigin.End);
            var bytes = new byte[MaxBytes];
            return bytes[..file.ReadAtLeast(bytes, MaxBytes, false)];
        }
        catch (IOException)
        {
            return null;
        }
    }
}
