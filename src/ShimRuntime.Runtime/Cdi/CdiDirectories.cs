using System.Text;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Cdi;

/// <summary>
/// The spec directories, later ones of higher priority. They are read whenever a container asks for a device, so what a device plugin
/// has just written counts, and nothing has to be watched. A file decides what runs as root on the host (hooks): one that others than
/// root may write is not read.
/// </summary>
internal sealed class CdiDirectories(IReadOnlyList<string> directories)
{
    private const int MaxFiles = 1024; // in one directory
    private const int MaxFileBytes = 1 << 20;
    private const int O_NONBLOCK = 0x800;
    private const uint WritableByOthers = 0x12; // 0022

    public IReadOnlyList<string> Paths => directories;

    public CdiCatalog Read()
    {
        var catalog = new CdiCatalog();
        foreach (var directory in directories)
        {
            catalog.NextDirectory();
            ReadDirectory(directory, catalog);
        }

        return catalog;
    }

    private static void ReadDirectory(string path, CdiCatalog catalog)
    {
        try
        {
            using var root = SafeDirFd.Open("/");
            using var directory = root.TryOpenDirectory(Encoding.UTF8.GetBytes(path), ResolveFlags.None);
            if (directory is null) return;
            var names = directory.List().Select(e => e.Name).Where(n => IsSpec(n.ToString())).OrderBy(n => n.ToString(), StringComparer.Ordinal).ToList();
            if (names.Count > MaxFiles) catalog.AddFailure($"'{path}' holds more than {MaxFiles} specs: the rest is left out");
            foreach (var name in names.Take(MaxFiles)) ReadFile(directory, name, $"{path.TrimEnd('/')}/{name}", catalog);
        }
        catch (LinuxException e)
        {
            catalog.AddFailure($"'{path}' can't be read: {e.Message}");
        }
    }

    private static void ReadFile(SafeDirFd directory, FileName name, string path, CdiCatalog catalog)
    {
        try
        {
            using var file = directory.TryOpen(name.Bytes, O_NONBLOCK, ResolveFlags.None);
            if (file is not null) catalog.Add(CdiSpecReader.Read(path, Content(file)));
        }
        catch (Exception e) when (e is FormatException or IOException)
        {
            catalog.AddFailure($"'{path}': {e.Message}");
        }
    }

    private static byte[] Content(SafeFileHandle file)
    {
        var status = FileMetadata.Stat(file);
        if (status.Kind != FileKind.Regular) throw new FormatException("it is no regular file");
        if (status.Uid != 0 || (status.Mode & WritableByOthers) != 0) throw new FormatException("others than root may write it");
        if (status.SizeBytes > MaxFileBytes) throw new FormatException($"it is larger than {MaxFileBytes} bytes");
        var content = new byte[status.SizeBytes];
        return content[..RandomAccess.Read(file, content, 0)];
    }

    private static bool IsSpec(string name) =>
        name.EndsWith(".json", StringComparison.Ordinal) || name.EndsWith(".yaml", StringComparison.Ordinal);
}
