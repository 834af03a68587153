namespace ShimRuntime.Linux;

/// <summary>One name found in a directory.</summary>
/// <param name="Kind">0 where the file system does not tell in its listing: ask <see cref="SafeDirFd.TryStat"/>.</param>
public readonly record struct DirectoryEntry(FileName Name, FileKind Kind);
