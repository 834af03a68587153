using ShimRuntime.Daemon.Configuration;

namespace ShimRuntime.Daemon.Checks;

internal static class EnvironmentCheck
{
    public static Task<bool> RunAsync(DaemonConfig config, TextWriter output) => Task.FromResult(config is not null && output is not null);
}
