namespace ShimRuntime.ShimProtocol;

/// <summary>What answers the calls of all connections, on the loop's thread.</summary>
public interface IShimService
{
    /// <summary>
    /// Takes one call: answers it now, or keeps it and answers later. A <see cref="Linux.RuntimeFault"/> thrown here becomes the call's
    /// status.
    /// </summary>
    void Handle(ShimCall call);
}
