namespace ShimRuntime.Images;

/// <summary>A file of an archive.</summary>
/// <param name="Sha256">64 hex digits.</param>
public readonly record struct ArchivedFile(string Sha256, long SizeBytes);
