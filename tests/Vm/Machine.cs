using ShimRuntime.Linux;

[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace ShimRuntime.Vm.Tests;

/// <summary>One boot of a cgroup v2 machine; its console, read as results. A class fixture: the boot happens once.</summary>
/// <param name="name">cgroupfs or systemd, as run.sh takes it.</param>
/// <param name="selection">quick, or empty for all scripts of that machine.</param>
public abstract class Machine(string name, string selection) : IAsyncLifetime
{
    /// <summary>Longer than run.sh's own: a machine that shares its cores with many needs most of an hour for all scripts.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(65);

    /// <summary>Lines of the console, and of the log of the image's building when that failed.</summary>
    public IReadOnlyList<string> Console { get; private set; } = [];

    /// <summary>Every check that the selected scripts name in their heads.</summary>
    public IReadOnlySet<string> Declared { get; } = GuestScripts.ChecksOn(name, selection == "quick").ToHashSet();

    public int ExitCode { get; private set; } = -1;

    public async Task InitializeAsync()
    {
        var logs = Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts/test-logs/vm")).FullName;
        var label = selection.Length > 0 ? $"{name}-{selection}" : name;
        var (console, log) = (Path.Combine(logs, $"{label}.console"), Path.Combine(logs, $"{label}.log"));
        using var output = File.OpenHandle(log, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        var fd = (int)output.DangerousGetHandle();
        using var process = Spawner.Spawn(new SpawnRequest
        {
            Path = "/bin/bash",
            Arguments = ["bash", Path.Combine(Repository.Root, "tests/Vm/run.sh"), Path.Combine(Repository.Root, "artifacts/bin"), console,
                name, .. selection.Split(' ', StringSplitOptions.RemoveEmptyEntries)],
            Environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
                .. Handed("SHIMRUNTIME_VM_CACHE"), .. Handed("SHIMRUNTIME_VM_TIMEOUT")],
            NewSession = true,
            Fds = [new FdMapping(fd, 1), new FdMapping(fd, 2)],
        });
        using var exits = new ExitWatcher();
        using var deadline = new CancellationTokenSource(Deadline);
        ExitCode = (await exits.ReapAsync(process, deadline.Token)).Code;
        Console = [.. new[] { console, log }.Where(File.Exists).SelectMany(File.ReadLines).Select(l => l.TrimEnd('\r'))];
    }

    public Task DisposeAsync() => Task.CompletedTask;

    private static IEnumerable<string> Handed(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? [$"{variable}={value}"] : [];
}
