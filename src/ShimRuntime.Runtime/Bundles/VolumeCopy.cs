using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>Fills a volume with what the image has at its path: owner and mode of the directory first.</summary>
internal static class VolumeCopy
{
    public static void Fill(SafeDirFd source, SafeDirFd target, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var status = source.Stat();
        target.SetOwner(status.Uid, status.Gid);
        target.SetMode(status.Mode);
    }
}
