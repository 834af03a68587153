using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Programs of the machine, run through the house's own Spawner.</summary>
public static class Command
{
    private static readonly string[] DefaultEnvironment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"];

    public static ExitWatcher Exits { get; } = new();

    /// <summary>Runs to the end and returns everything; the program is killed after the deadline.</summary>
    public static async Task<CommandResult> RunAsync(string program, IEnumerable<string> arguments, TimeSpan? deadline = null)
    {
        var path = program.StartsWith('/') ? program : Installation.Tool(program);
        var output = Path.GetTempFileName();
        var errors = Path.GetTempFileName();
        try
        {
            ExitCode exit;
            using (var stdout = File.OpenHandle(output, FileMode.Truncate, FileAccess.Write, FileShare.ReadWrite))
            using (var stderr = File.OpenHandle(errors, FileMode.Truncate, FileAccess.Write, FileShare.ReadWrite))
            {
                exit = await WaitAsync(Start(path, arguments, stdout, stderr), deadline ?? TimeSpan.FromSeconds(60));
            }

            return new CommandResult(exit.Code, await File.ReadAllTextAsync(output), await File.ReadAllTextAsync(errors));
        }
        finally
        {
            File.Delete(output);
            File.Delete(errors);
        }
    }

    /// <summary>As <see cref="RunAsync"/>, through a shell; fails the test when the exit code is not 0.</summary>
    public static async Task<string> ShellAsync(string script)
    {
        var result = await RunAsync("/bin/sh", ["-c", script]);
        Assert.True(result.ExitCode == 0, $"'{script}' exited {result.ExitCode}: {result.Output}{result.Error}");
        return result.Output;
    }

    /// <summary>Starts a program that goes on; both outputs are appended to <paramref name="logPath"/>.</summary>
    public static SpawnedProcess StartLogged(string program, IEnumerable<string> arguments, string logPath, IEnumerable<string>? environment = null)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(logPath)!);
        using var log = File.OpenHandle(logPath, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        return Start(program.StartsWith('/') ? program : Installation.Tool(program), arguments, log, log, environment);
    }

    private static SpawnedProcess Start(
        string path, IEnumerable<string> arguments, SafeFileHandle stdout, SafeFileHandle stderr, IEnumerable<string>? environment = null) =>
        Spawner.Spawn(new SpawnRequest
        {
            Path = path,
            Arguments = [path, .. arguments],
            Environment = [.. DefaultEnvironment, .. environment ?? []],
            NewSession = true,
            Fds = [new FdMapping((int)stdout.DangerousGetHandle(), 1), new FdMapping((int)stderr.DangerousGetHandle(), 2)],
        });

    private static async Task<ExitCode> WaitAsync(SpawnedProcess process, TimeSpan deadline)
    {
        using (process)
        {
            using var limit = new CancellationTokenSource(deadline);
            try
            {
                return await Exits.ReapAsync(process, limit.Token);
            }
            catch (OperationCanceledException)
            {
                process.PidFd.Signal(9);
                return await Exits.ReapAsync(process, CancellationToken.None);
            }
        }
    }
}

/// <summary>How a program ended and what it said.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Error);
