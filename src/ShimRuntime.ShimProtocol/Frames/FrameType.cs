namespace ShimRuntime.ShimProtocol;

/// <summary>Byte 8 of a ttrpc header.</summary>
public enum FrameType : byte
{
    /// <summary>Opens a stream; payload is a <see cref="V1.Request"/>.</summary>
    Request = 1,

    /// <summary>Ends a stream; payload is a <see cref="V1.Response"/>.</summary>
    Response = 2,

    /// <summary>One message on an open stream.</summary>
    Data = 3,
}
