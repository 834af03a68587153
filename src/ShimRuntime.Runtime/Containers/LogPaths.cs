using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// Log files: a relative path inside the pod's log directory. The file itself is opened by the shim, without following symlinks; here
/// the request is judged, so that a bad one fails in Create and not when the container runs.
/// </summary>
public static class LogPaths
{
    private const int MaxNameBytes = 255; // NAME_MAX, limits.h

    /// <summary>Empty unless both are given: then output is read and dropped.</summary>
    public static string Combine(string logDirectory, string logPath) =>
        logDirectory.Length == 0 || logPath.Length == 0 ? "" : Path.Combine(logDirectory, logPath);

    /// <summary>The path's part of the request: clean and relative. Throws InvalidArgument.</summary>
    public static void CheckRelative(string logPath)
    {
        if (logPath.Length == 0) return;
        var clean = !logPath.AsSpan().ContainsAny('\0', '\n') && logPath.Split('/').All(s => s is not ("" or "." or ".."));
        if (!clean)
            throw RuntimeFault.InvalidArgument($"failed to create container: log_path '{logPath}' is not a clean path relative to the "
                + "pod's log_directory");
        if (logPath.Split('/').Any(s => Encoding.UTF8.GetByteCount(s) > MaxNameBytes))
            throw RuntimeFault.InvalidArgument($"failed to create container: a name in log_path '{logPath}' has more than {MaxNameBytes} bytes");
    }

    /// <summary>
    /// Makes the directory that the file will be in, where nobody has. Throws FailedPrecondition when a part of it below the log directory
    /// is a symlink or no directory.
    /// </summary>
    public static void MakeDirectory(string path, string logDirectory)
    {
        if (path.Length == 0) return;
        var directory = logDirectory.TrimEnd('/');
        if (directory.Length > 0) Make(directory);
        foreach (var segment in Path.GetDirectoryName(path[(directory.Length + 1)..])!.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            directory = $"{directory}/{segment}";
            if (new DirectoryInfo(directory).LinkTarget is not null)
                throw Refused(path, $"'{directory}' is a symbolic link; make it a directory");
            Make(directory);
        }

        if (Directory.Exists(path)) throw Refused(path, "it is a directory; give another log_path");
        if (new FileInfo(path).LinkTarget is not null) throw Refused(path, "it is a symbolic link; remove it");

        void Make(string name)
        {
            try
            {
                Directory.CreateDirectory(name);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Refused(path, $"directory '{name}' can't be made: {e.Message}");
            }
        }
    }

    private static RuntimeFault Refused(string path, string cause) =>
        RuntimeFault.FailedPrecondition($"failed to create container: can't log to '{path}': {cause}");
}
