namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>A file system that can be filled.</summary>
public static class SmallDisk
{
    /// <summary>For a <see cref="DaemonOptions.Prelude"/>: it is there at the first start, and stays over the next.</summary>
    public static string Mount(string directory, int megabytes) =>
        $"grep -q ' {directory} ' /proc/mounts || mount -t tmpfs -o size={megabytes}m tmpfs {directory}";

    /// <summary>A file that takes what is free.</summary>
    public static async Task FillAsync(string path)
    {
        var filling = await Command.RunAsync("dd", ["if=/dev/zero", $"of={path}", "bs=4k"]);
        Assert.Contains("No space left", filling.Error, StringComparison.Ordinal);
    }
}
