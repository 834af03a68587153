namespace ShimRuntime.Linux;

/// <summary>What a network interface has carried since it was made; all counts rise only.</summary>
public sealed record InterfaceCounters(string Name, LinkCounters Received, LinkCounters Sent);

/// <summary>One direction of an interface.</summary>
/// <param name="Dropped">As the kernel counts them: what it had no room for, and on reception what no protocol wanted.</param>
public readonly record struct LinkCounters(ulong Bytes, ulong Packets, ulong Errors, ulong Dropped);
