using ShimRuntime.Linux;
using ShimRuntime.Shim.Logging;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Runc;

namespace ShimRuntime.Shim.Execs;

/// <summary>What an exec needs of its generation.</summary>
/// <param name="Leaf">Its leaf cgroup.</param>
/// <param name="Bundle">Directory for the files handed to runc.</param>
/// <param name="StdioOwner">Of the pipes, on the host.</param>
/// <param name="IsRunning">Does its process run?</param>
internal sealed record ExecContext(
    EpollLoop Loop, Reaper Reaper, RuncDriver Runc, ReadBuffer Buffer, CgroupHierarchy Hierarchy, string Leaf, string Bundle,
        (uint Uid, uint Gid) StdioOwner, Func<bool> IsRunning);
