namespace ShimRuntime.Runtime.Cdi;

/// <summary>A value in a CDI spec file, the same from JSON and from YAML; absent and null values are not there at all.</summary>
internal abstract record CdiNode;

/// <param name="IsPlain">Written without quotes: it may stand for a number or a truth value as well as for text.</param>
internal sealed record CdiScalar(string Text, bool IsPlain) : CdiNode;

internal sealed record CdiList(IReadOnlyList<CdiNode> Items) : CdiNode;

internal sealed record CdiMap(IReadOnlyDictionary<string, CdiNode> Members) : CdiNode;
