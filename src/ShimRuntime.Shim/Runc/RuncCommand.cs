using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Runc;

/// <summary>A verb of runc with its arguments, and the descriptors that the container's process is to have.</summary>
internal sealed record RuncCommand(IReadOnlyList<string> Arguments, IReadOnlyList<FdMapping> Fds)
{
    /// <summary>Where CRIU says why it has failed; empty: it has no part in this.</summary>
    public string CriuLog { get; init; } = "";
}
