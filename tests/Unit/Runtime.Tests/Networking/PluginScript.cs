using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Tests.Networking;

internal static class PluginScript
{
    /// <summary>
    /// An executable shell script, written by a child. Were it written here, a child that another test spawns in that moment would hold
    /// the writing descriptor until its exec, and executing the script would fail with ETXTBSY.
    /// </summary>
    public static void Write(string path, string script)
    {
        using var writer = Spawner.Spawn(new SpawnRequest
        {
            Path = "/bin/sh",
            Arguments = ["sh", "-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\"", "sh", script, path],
            Environment = ["PATH=/usr/bin:/bin"],
        });
        ExitCode? exit;
        while ((exit = writer.PidFd.TryReap()) is null) Thread.Yield();
        if (exit.Value.Code != 0) throw new IOException($"'{path}' could not be written");
    }
}
