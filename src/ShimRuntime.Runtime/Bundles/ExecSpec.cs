using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// The process object of an exec: the container's own user, environment, working directory, capabilities and confinement, with another
/// argv. It is derived from the spec that the container runs by, so an exec never has more power than the container.
/// </summary>
public static class ExecSpec
{
    /// <param name="container">config.json of the current generation.</param>
    /// <param name="command">argv; InvalidArgument when empty.</param>
    /// <param name="tty">A terminal, and TERM unless the container has one.</param>
    public static ProcessSpec Process(RuntimeSpec container, IReadOnlyList<string> command, bool tty = false)
    {
        if (command.Count == 0 || command[0].Length == 0)
        {
            throw Linux.RuntimeFault.InvalidArgument("failed to exec: cmd is empty; say what to run");
        }

        if (command.Any(c => c.Contains('\0'))) throw Linux.RuntimeFault.InvalidArgument("failed to exec: cmd contains a NUL byte");
        var env = container.Process.Env;
        if (tty && !env.Any(v => v.StartsWith("TERM=", StringComparison.Ordinal))) env = [.. env, "TERM=xterm"];
        return container.Process with { Args = [.. command], Env = env, Terminal = tty };
    }
}
