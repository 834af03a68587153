using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Checks;

/// <summary>Mounts an overlay on the filesystem that will hold the snapshots, for a moment: nothing else tells for sure.</summary>
internal static class OverlayCheck
{
    private const string Subject = "overlayfs";

    public static CheckResult Run(string root)
    {
        var parent = DirectoryChecks.NearestExisting(root);
        var trial = Path.Combine(parent, $".shimruntime-check-{Environment.ProcessId}");
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
            if (Directory.Exists(trial)) Directory.Delete(trial, true);
        }
    }

    private static CheckResult Try(string trial, string parent)
    {
        string Below(string name) => Directory.CreateDirectory(Path.Combine(trial, name)).FullName;
        var target = Below("merged");
        OverlayMount.Mount([Below("lower")], Below("upper"), Below("work"), target);
        MountPoint.Unmount(target);
        return CheckResult.Fine(Subject, $"mounts below {parent}");
    }
}
