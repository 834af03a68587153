namespace ShimRuntime.Images;

/// <summary>
/// An archive that does not parse, breaks a limit or asks for what is refused; the message is the cause, without the layer's name.
/// </summary>
public sealed class TarFormatException(string cause) : IOException(cause);
