using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>What a client is told when a layer can't be unpacked.</summary>
internal static class LayerFault
{
    /// <param name="member">The archive member at which it happened, where known.</param>
    public static RuntimeFault Of(Exception cause, byte[]? member)
    {
        var at = member is null ? "" : $" at member '{PathBytes.Display(member)}'";
        return cause switch
        {
            LinuxException { ErrorNumber: Errno.ENOSPC or Errno.EDQUOT } =>
                new RuntimeFault(FaultCode.ResourceExhausted,
                    $"failed to unpack layer{at}: {cause.Message}; free space or inodes under the runtime's root", cause),
            LinuxException { ErrorNumber: Errno.ENAMETOOLONG or Errno.ELOOP or Errno.EFBIG } or TarFormatException =>
                new RuntimeFault(FaultCode.InvalidArgument,
                    $"failed to unpack layer{at}: {cause.Message}; the image is refused, ask its publisher", cause),
            _ => RuntimeFault.Internal($"failed to unpack layer{at}: {cause.Message}; see the daemon's log", cause),
        };
    }
}
