using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>State directories are for root alone: 0700 (CVE-2021-41103). Their names are on disk before anything is in them.</summary>
internal static class PrivateDirectory
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes the directory and what lacks above it; an existing one is closed to others too.</summary>
    public static void Create(string path)
    {
        // DurableDirectory gives the mode to the last directory only.
        if (Path.GetDirectoryName(path) is { Length: > 0 } parent && !Directory.Exists(parent)) Create(parent);
        DurableDirectory.Make(path, OwnerOnly);
        File.SetUnixFileMode(path, OwnerOnly);
    }
}
