namespace ShimRuntime.ShimProtocol;

/// <summary>Byte 9 of a ttrpc header.</summary>
[Flags]
public enum FrameFlags : byte
{
    None = 0,

    /// <summary>The sender sends nothing more on this stream. From the caller, on an open call: it has gone away (Cancel).</summary>
    RemoteClosed = 1,

    /// <summary>The sender will send data frames on this stream.</summary>
    RemoteOpen = 2,

    /// <summary>The frame carries no message, only its flags.</summary>
    NoData = 4,
}
