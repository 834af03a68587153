using System.Globalization;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Checks;

/// <summary>Mounts an overlay on the filesystem that will hold the snapshots, for a moment: nothing else tells for sure.</summary>
internal static class OverlayCheck
{
    private const string Subject = "overlayfs";
    private const string Merged = "merged";
    private const string TrialPrefix = ".shimruntime-check-";

    public static CheckResult Run(string root)
    {
        var parent = DirectoryChecks.NearestExisting(root);
        var trial = Path.Combine(parent, $"{TrialPrefix}{Environment.ProcessId}");
        RemoveLeftovers(parent);
        try
        {
            return Try(trial, parent);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return CheckResult.Broken(Subject, $"no overlay can be mounted below {parent}: {e.Message}; "
                + "use a filesystem such as ext4 or xfs (ftype=1), and load the module overlay");
        }
        finally
        {
            TakeAway(trial);
        }
    }

    /// <summary>Of checks that died over it: a daemon that starts, and the next check, take it away. Best effort.</summary>
    public static void RemoveLeftovers(string parent)
    {
        foreach (var trial in Directory.GetDirectories(parent, TrialPrefix + "*"))
        {
            var isPid = int.TryParse(Path.GetFileName(trial)[TrialPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var pid);
            if (isPid && (pid == Environment.ProcessId || ProcessIdentity.TryRead(pid) is null)) TakeAway(trial);
        }
    }

    private static void TakeAway(string trial)
    {
        try
        {
            _ = MountPoint.Unmount(Path.Combine(trial, Merged), lazy: true);
            if (Directory.Exists(trial)) Directory.Delete(trial, true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Said by whoever comes next to it, or nothing is wrong any more.
        }
    }

    private static CheckResult Try(string trial, string parent)
    {
        string Below(string name) => Directory.CreateDirectory(Path.Combine(trial, name)).FullName;
        var target = Below(Merged);
        OverlayMount.Mount([Below("lower")], Below("upper"), Below("work"), target);
        MountPoint.Unmount(target);
        return CheckResult.Fine(Subject, $"mounts below {parent}");
    }
}
