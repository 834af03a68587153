namespace ShimRuntime.ShimProtocol;

/// <summary>Bytes that are no ttrpc frame. The connection that brought them cannot be trusted any more and is closed.</summary>
public sealed class FrameException(string message) : IOException(message);
