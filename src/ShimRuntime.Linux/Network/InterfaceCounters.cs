namespace ShimRuntime.Linux;

/// <summary>What a network interface has carried since it was made; all counts rise only.</summary>
public sealed record InterfaceCounters(string Name, ulong ReceivedBytes, ulong ReceivedErrors, ulong SentBytes, ulong SentErrors);
