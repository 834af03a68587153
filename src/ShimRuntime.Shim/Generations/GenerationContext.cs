using ShimRuntime.Linux;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Stdio;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Shim.Generations;

/// <summary>What every generation of the container shares: the loop, the launch, and the one log that all of them write to.</summary>
internal sealed record GenerationContext(EpollLoop Loop, Reaper Reaper, ShimLaunch Launch, CgroupHierarchy Hierarchy, OutputSink Sink);
