namespace ShimRuntime.Cli.Logs;

/// <summary>Prints a log file; when following, waits for more and moves on to the new file after a rotation.</summary>
internal sealed class LogFollower(string path, Func<CancellationToken, Task<bool>> isAlive)
{
    private const int BlockBytes = 256 * 1024;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan AliveCheck = TimeSpan.FromSeconds(1);

    /// <param name="tail">Print only this many of the entries that are there; negative: all.</param>
    /// <param name="follow">Go on until the container has ended and all is read.</param>
    public async Task PrintAsync(LogPrinter printer, int tail, bool follow, CancellationToken cancellation)
    {
        var file = Open();
        try
        {
            var buffer = new LineBuffer(BlockBytes);
            await PrintTailAsync(file, buffer, printer, tail, cancellation);
            printer.Flush();
            var (alive, checkedAt) = (true, DateTimeOffset.UtcNow);
            while (follow)
            {
                if (await PrintNewAsync(file, buffer, printer, cancellation)) continue;
                if (!alive) return;
                if (Successor(file) is { } next)
                {
                    await file.DisposeAsync();
                    (file, buffer) = (next, new LineBuffer(BlockBytes));
                    continue;
                }

                await Task.Delay(Poll, cancellation);
                if (DateTimeOffset.UtcNow - checkedAt < AliveCheck) continue;
                checkedAt = DateTimeOffset.UtcNow;
                alive = await isAlive(cancellation); // false: one more pass reads what came last
            }
        }
        finally
        {
            await file.DisposeAsync();
        }
    }

    private static async Task PrintTailAsync(FileStream file, LineBuffer buffer, LogPrinter printer, int tail, CancellationToken cancellation)
    {
        var last = new Queue<ReadOnlyMemory<byte>>();
        do
        {
            foreach (var line in buffer.Add(await file.ReadAsync(buffer.Free, cancellation)))
            {
                if (tail < 0) printer.Print(line);
                else last.Enqueue(line);
                if (last.Count > tail && tail >= 0) last.Dequeue();
            }
        }
        while (buffer.LastReadBytes > 0);
        foreach (var line in last) printer.Print(line);
    }

    /// <summary>True when there was something to read.</summary>
    private static async Task<bool> PrintNewAsync(FileStream file, LineBuffer buffer, LogPrinter printer, CancellationToken cancellation)
    {
        foreach (var line in buffer.Add(await file.ReadAsync(buffer.Free, cancellation))) printer.Print(line);
        printer.Flush();
        return buffer.LastReadBytes > 0;
    }

    /// <summary>The file that the path names now, if it is another one and ours is read to its end.</summary>
    private FileStream? Successor(FileStream file)
    {
        try
        {
            var other = Open();
            if (FileIdentity.Of(other) != FileIdentity.Of(file) && file.Position >= file.Length) return other;
            other.Dispose();
            return null;
        }
        catch (FileNotFoundException)
        {
            return null; // between rename and reopen
        }
    }

    private FileStream Open() => new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
}
