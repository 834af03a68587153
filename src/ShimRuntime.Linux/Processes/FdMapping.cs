namespace ShimRuntime.Linux;

/// <summary>Gives the child <paramref name="Source"/> (ours) as its fd <paramref name="Target"/>.</summary>
public readonly record struct FdMapping(int Source, int Target);
