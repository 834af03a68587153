namespace ShimRuntime.Shim.Session.WebSocket;

/// <summary>How channels share a WebSocket.</summary>
/// <param name="IsBase64">Text messages: a digit and base64, instead of a byte and bytes.</param>
/// <param name="HearsEnd">v5: the client ends a channel by a message of 255 and the channel's number.</param>
/// <param name="TellsEnd">We do so too; only port forwarding, for there no status follows.</param>
internal readonly record struct ChannelFormat(bool IsBase64, bool HearsEnd, bool TellsEnd);
