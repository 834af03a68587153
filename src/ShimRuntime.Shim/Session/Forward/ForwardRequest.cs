using ShimRuntime.Shim.Session.Wire;

namespace ShimRuntime.Shim.Session.Forward;

/// <summary>One connection that the client asks for: its port and its two streams, both there.</summary>
/// <param name="HearsEnd">The client can say that it sends nothing more; where it can't, the pod's end is the end of both.</param>
internal sealed record ForwardRequest(int Port, ClientStream Data, ClientStream Error, StreamToFd ToPod, bool HearsEnd = true);
