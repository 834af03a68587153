namespace ShimRuntime.Linux;

/// <summary>
/// ETXTBSY, execve(2): somebody has the program open for writing. Of one that was installed a moment ago that is, more often than not, a process that was forked meanwhile by
/// whoever wrote it and has not called execve itself yet: it passes within milliseconds.
/// </summary>
public static class BusyProgram
{
    private const int ETXTBSY = 26;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>After that it is taken for one that is being written.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public static bool IsCauseOf(LinuxException fault) => fault.ErrorNumber == ETXTBSY;

    /// <summary>What the kernel's "Text file busy" means and what to do.</summary>
    public static string Words(LinuxException fault) =>
        IsCauseOf(fault) ? $"{fault.Message}: somebody has it open for writing; try again when it is written" : fault.Message;

    /// <summary>Tries again as long as <paramref name="isBusy"/> says that this was all, for two seconds; then its last failure is the caller's.</summary>
    public static async Task<T> RetryAsync<T>(Func<Task<T>> run, Func<Exception, bool> isBusy, CancellationToken cancellation)
    {
        for (var deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds; ;)
        {
            try
            {
                return await run().ConfigureAwait(false);
            }
            catch (Exception e) when (isBusy(e) && Environment.TickCount64 < deadline)
            {
                await Task.Delay(Pause, cancellation).ConfigureAwait(false);
            }
        }
    }
}
