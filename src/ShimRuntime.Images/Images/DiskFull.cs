using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>Tells that a failure means "no room on the images' filesystem", however deep in it the system call's own error is.</summary>
public static class DiskFull
{
    public static bool IsCauseOf(Exception failure)
    {
        for (var e = failure; e is not null; e = e.InnerException)
        {
            if (e is LinuxException { ErrorNumber: Errno.ENOSPC or Errno.EDQUOT }) return true;
            if (e is IOException and not LinuxException && (e.HResult & 0xFFFF) is Errno.ENOSPC or Errno.EDQUOT) return true;
        }

        return false;
    }

    /// <param name="verb">What failed: "pull image 'x'".</param>
    public static RuntimeFault Fault(string verb, Exception cause) =>
        new(FaultCode.ResourceExhausted, $"failed to {verb}: {cause.Message}; free space on the images' filesystem", cause);
}
