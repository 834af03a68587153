using System.Text;

namespace ShimRuntime.Runtime.Networking;

/// <summary>
/// The conf directory: the lexically first valid file is the pods' network. Looked at whenever it is asked for, parsed again only when
/// a name, size or time in it changed: an edit counts at the next pod, without a watcher that could miss it.
/// </summary>
internal sealed class CniConfigDirectory(string path)
{
    private const int MaxFileBytes = 1 << 20;
    private const int MaxFiles = 256;
    private static readonly string[] Extensions = [".conflist", ".conf", ".json"];
    private volatile Reading _last = new("", null, []);

    /// <summary>What the directory says now.</summary>
    /// <param name="Network">Null: no valid file.</param>
    /// <param name="Skipped">A sentence for each file that stands before the chosen one and is not valid.</param>
    internal sealed record Reading(string Fingerprint, CniNetwork? Network, IReadOnlyList<string> Skipped);

    public string Path => path;

    public Reading Read()
    {
        var files = Files();
        var fingerprint = Fingerprint(files);
        var last = _last;
        return last.Fingerprint == fingerprint ? last : _last = Parse(files, fingerprint);
    }

    private List<FileInfo> Files()
    {
        try
        {
            return [.. new DirectoryInfo(path).EnumerateFiles().Where(f => Extensions.Contains(f.Extension))
                .OrderBy(f => f.Name, StringComparer.Ordinal).Take(MaxFiles)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string Fingerprint(List<FileInfo> files)
    {
        var text = new StringBuilder("v1");
        foreach (var file in files)
        {
            // A link's target is what counts: ConfigMap volumes swap a directory behind one.
            var real = file.LinkTarget is null ? file : file.ResolveLinkTarget(true) as FileInfo ?? file;
            text.Append('\0').Append(file.Name).Append('\0').Append(real.FullName);
            if (real.Exists) text.Append('\0').Append(real.Length).Append('\0').Append(real.LastWriteTimeUtc.Ticks);
        }

        return text.ToString();
    }

    private static Reading Parse(List<FileInfo> files, string fingerprint)
    {
        var skipped = new List<string>();
        foreach (var file in files)
        {
            try
            {
                return new Reading(fingerprint, CniConfigParser.Parse(file.FullName, Content(file.FullName)), skipped);
            }
            catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
            {
                skipped.Add($"skipped {file.FullName}: {e.Message}");
            }
        }

        return new Reading(fingerprint, null, skipped);
    }

    private static byte[] Content(string file)
    {
        using var stream = File.OpenRead(file);
        if (stream.Length > MaxFileBytes) throw new FormatException($"it has {stream.Length} bytes, more than {MaxFileBytes}");
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
