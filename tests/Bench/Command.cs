using ShimRuntime.Linux;

namespace ShimRuntime.Bench;

/// <summary>A program run to its end with files as its stdin, stdout and stderr: no pipe can fill.</summary>
internal sealed class Command(ExitWatcher exits, string work)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private static long _sequence;

    public async Task<string> RunAsync(string path, string input, IReadOnlyList<string> environment, IReadOnlyList<string> arguments)
    {
        var stem = Path.Combine(work, $"command-{Interlocked.Increment(ref _sequence)}");
        await File.WriteAllTextAsync(stem + ".in", input);
        using (var stdin = File.OpenHandle(stem + ".in"))
        using (var stdout = File.OpenHandle(stem + ".out", FileMode.Create, FileAccess.Write))
        using (var stderr = File.OpenHandle(stem + ".err", FileMode.Create, FileAccess.Write))
        using (var process = Spawner.Spawn(new SpawnRequest
        {
            Path = path,
            Arguments = [Path.GetFileName(path), .. arguments],
            Environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", .. environment],
            Fds = [Map(stdin, 0), Map(stdout, 1), Map(stderr, 2)],
        }))
        {
            using var deadline = new CancellationTokenSource(Deadline);
            var exit = await exits.ReapAsync(process, deadline.Token);
            if (exit.Code != 0)
                throw new IOException($"{path} {string.Join(' ', arguments)}: {exit}: {await File.ReadAllTextAsync(stem + ".err")}{await File.ReadAllTextAsync(stem + ".out")}");
        }

        return await File.ReadAllTextAsync(stem + ".out");
    }

    private static FdMapping Map(Microsoft.Win32.SafeHandles.SafeFileHandle file, int target) => new((int)file.DangerousGetHandle(), target);
}
