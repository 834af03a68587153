using ShimRuntime.Daemon.Hosting;

namespace ShimRuntime.Daemon.Checks;

/// <summary>Whether root, state and socket are free for this daemon.</summary>
internal static class DirectoryChecks
{
    public static CheckResult Lock(string subject, string directory)
    {
        if (File.Exists(directory)) return CheckResult.Broken(subject, $"{directory} is a file; remove it or set another {subject}");
        var holder = DirectoryLock.Holder(directory);
        if (holder is not null)
        {
            return CheckResult.Limited(subject, $"{directory} is served by the daemon with pid {holder}; a second one would be refused");
        }

        return CheckResult.Fine(subject, Directory.Exists(directory) ? $"{directory} is free" : $"{directory} will be made");
    }

    public static CheckResult Socket(string path)
    {
        if (!File.Exists(path)) return CheckResult.Fine("socket", $"{path} will be made");
        return ListeningSocket.IsServed(path)
            ? CheckResult.Limited("socket", $"{path} is served by a running process; a second one would be refused")
            : CheckResult.Fine("socket", $"{path} was left by a process that is gone; it will be taken over");
    }

    /// <summary>The directory itself, or the nearest one above it that exists.</summary>
    public static string NearestExisting(string directory)
    {
        var at = directory;
        while (!Directory.Exists(at)) at = Path.GetDirectoryName(at) ?? "/";
        return at;
    }
}
