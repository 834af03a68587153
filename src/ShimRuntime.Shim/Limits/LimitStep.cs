namespace ShimRuntime.Shim.Limits;

/// <summary>One write to one control file.</summary>
internal readonly record struct LimitStep(string Path, string Value);
