namespace ShimRuntime.Shim.Logging;

/// <summary>The stream field of a CRI log line.</summary>
internal enum LogStream
{
    Stdout,
    Stderr,
}
