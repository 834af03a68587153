using ShimRuntime.Shim.Logging;

namespace ShimRuntime.Shim.Stdio;

/// <summary>Where a container's output goes: to the log, and to whoever is attached. The buffer is the one that it is read into.</summary>
internal sealed record OutputSink(LogWriter Writer, ReadBuffer Buffer, Attachers Attachers);
