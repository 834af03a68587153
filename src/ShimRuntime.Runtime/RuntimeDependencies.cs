using Microsoft.Extensions.Logging;
using ShimRuntime.Images;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime;

/// <summary>What the runtime proper is built on; the daemon owns and disposes each.</summary>
public sealed record RuntimeDependencies(IImageService Images, ISnapshotStore Snapshots, ExitWatcher Exits, ILoggerFactory Logs);
