using ShimRuntime.Linux;

namespace ShimRuntime.Vm.Tests;

/// <summary>One boot of the cgroup v2 machine; its console, read as results. A class fixture: the boot happens once.</summary>
public sealed class Machine : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(12);

    /// <summary>Lines of the console, and of the log of the image's building when that failed.</summary>
    public IReadOnlyList<string> Console { get; private set; } = [];

    public int ExitCode { get; private set; } = -1;

    public async Task InitializeAsync()
    {
        var root = RepositoryRoot();
        var logs = Directory.CreateDirectory(Path.Combine(root, "artifacts/test-logs/vm")).FullName;
        var console = Path.Combine(logs, "console.log");
        using var output = File.OpenHandle(Path.Combine(logs, "run.log"), FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        var fd = (int)output.DangerousGetHandle();
        var script = Path.Combine(root, "tests/Vm/run.sh");
        using var process = Spawner.Spawn(new SpawnRequest
        {
            Path = "/bin/bash",
            Arguments = ["bash", script, Path.Combine(root, "artifacts/bin"), console],
            Environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", .. Handed("SHIMRUNTIME_VM_CACHE"), .. Handed("SHIMRUNTIME_VM_TIMEOUT")],
            NewSession = true,
            Fds = [new FdMapping(fd, 1), new FdMapping(fd, 2)],
        });
        using var exits = new ExitWatcher();
        using var deadline = new CancellationTokenSource(Deadline);
        ExitCode = (await exits.ReapAsync(process, deadline.Token)).Code;
        Console = [.. new[] { console, Path.Combine(logs, "run.log") }.Where(File.Exists).SelectMany(File.ReadLines).Select(l => l.TrimEnd('\r'))];
    }

    public Task DisposeAsync() => Task.CompletedTask;

    private static IEnumerable<string> Handed(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? [$"{name}={value}"] : [];

    private static string RepositoryRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "ShimRuntime.sln"))) return directory.FullName;
        }

        throw new InvalidOperationException($"ShimRuntime.sln is in no parent of {AppContext.BaseDirectory}");
    }
}
