using ShimRuntime.Cri.V1;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Assets/swap-server.c, compiled once by the machine's gcc, and mounted into containers.</summary>
public static class SwapServer
{
    public const string Path = "/srv/swap-server";
    private static readonly Lazy<Task<string>> Compiled = new(CompileAsync);

    /// <summary>A config's change that makes the server be there.</summary>
    public static async Task<Action<ContainerConfig>> MountAsync()
    {
        var directory = await Compiled.Value;
        return c => c.Mounts.Add(new Mount { ContainerPath = "/srv", HostPath = directory, Readonly = true });
    }

    private static async Task<string> CompileAsync()
    {
        var directory = Directory.CreateTempSubdirectory("srt-swap-server-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(directory, true);
        await Command.ShellAsync($"gcc -O1 -static -o {directory}/swap-server {AppContext.BaseDirectory}/Assets/swap-server.c && chmod 755 {directory}");
        return directory;
    }
}
