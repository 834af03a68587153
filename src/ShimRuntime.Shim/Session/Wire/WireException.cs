namespace ShimRuntime.Shim.Session.Wire;

/// <summary>The client said what no peer of this protocol may say.</summary>
internal sealed class WireException(string message) : Exception(message);
