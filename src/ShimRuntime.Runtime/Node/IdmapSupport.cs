using System.Diagnostics;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Node;

/// <summary>Whether this node can give pods a user namespace, tried for real: a mapped namespace, and an id-mapped copy of a directory.</summary>
/// <param name="root">Where image layers lie: their file system has to be able to.</param>
internal sealed class IdmapSupport(string root)
{
    private static readonly Version OverlayOnIdmapped = new(5, 19);

    /// <summary>A no may be a matter of the moment, such as of a sysctl; a yes is not taken back.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(30);
    private volatile Answer? _last;

    /// <summary>Null: it can. Otherwise a sentence that names what is missing. Milliseconds, as a rule none.</summary>
    public string? Failure()
    {
        if (_last is { } last && (last.Failure is null || Stopwatch.GetElapsedTime(last.At) < AskAgain)) return last.Failure;
        var failure = Try();
        _last = new Answer(failure, Stopwatch.GetTimestamp());
        return failure;
    }

    private string? Try()
    {
        if (Environment.OSVersion.Version < OverlayOnIdmapped) return $"overlayfs over id-mapped layers needs Linux {OverlayOnIdmapped}";
        try
        {
            return NamespaceThread.Run(() =>
            {
                var ids = new IdRange(65_536, 65_536);
                using var holder = UserNamespaceHolder.Start(NamespaceKinds.None, new UserMappings(ids, ids));
                using var user = File.OpenHandle(holder.Namespace("user"));
                using var copy = DetachedMount.Of(root, recursive: false);
                copy.MapIds(user, recursive: false);
                return (string?)null;
            });
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.ENOSPC)
        {
            return $"the kernel allows no more user namespaces ({e.Message}); raise the sysctl user.max_user_namespaces";
        }
        catch (LinuxException e) when (e.ErrorNumber == Errno.EINVAL && MountTable.Read().Holding(root) is { } mount)
        {
            return $"the file system of '{root}', {mount.Type}, can't be id-mapped ({e.Message})";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"the kernel refuses: {e.Message}";
        }
    }

    private sealed record Answer(string? Failure, long At);
}
