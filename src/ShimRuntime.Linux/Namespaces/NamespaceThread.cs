namespace ShimRuntime.Linux;

/// <summary>
/// Runs work that changes its thread's namespaces on an OS thread of its own, which then ends: namespaces belong to a thread
/// (namespaces(7)), and a pool thread that kept a pod's would run other pods' work in them.
/// </summary>
/// <remarks>
/// Two threads: the inner one changes namespaces, the outer one waits for it and completes the task. Completing may start a pool
/// thread, and a thread inherits the namespaces of the one that starts it; the inner thread must therefore never touch the pool.
/// For the same reason <c>ConcurrentGarbageCollection</c> is off in every binary here.
/// </remarks>
public static class NamespaceThread
{
    private const int StackBytes = 256 * 1024;

    /// <summary>Runs <paramref name="body"/> to its end; there is no way to cancel it, so it must not wait for anybody.</summary>
    public static Task<T> RunAsync<T>(Func<T> body)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Start("namespace-waiter", () =>
        {
            T result;
            try
            {
                result = Run(body);
            }
            catch (Exception e)
            {
                done.SetException(e);
                return;
            }

            done.SetResult(result);
        });
        return done.Task;
    }

    /// <summary>As <see cref="RunAsync{T}"/>, blocking the caller: for work of microseconds.</summary>
    public static T Run<T>(Func<T> body)
    {
        T result = default!;
        Exception? failure = null;
        var inner = Start("namespace", () =>
        {
            try
            {
                result = body();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        inner.Join();
        return failure is null ? result : throw failure;
    }

    private static Thread Start(string name, ThreadStart body)
    {
        var thread = new Thread(body, StackBytes) { IsBackground = true, Name = name };
        thread.UnsafeStart();
        return thread;
    }
}
