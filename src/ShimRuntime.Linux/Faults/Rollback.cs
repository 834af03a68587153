namespace ShimRuntime.Linux;

/// <summary>
/// Named undo steps, run in reverse unless committed: <c>await using var rollback = new Rollback(report);</c>. Steps run under a
/// token of their own with a deadline, so that a cancelled request is still undone. A step that fails is reported and the rest go
/// on; <see cref="Clean"/> then tells the caller to leave its record in Creating for recovery.
/// </summary>
/// <param name="stepDeadline">Of each step; null: 30 seconds.</param>
public sealed class Rollback(Action<string, Exception> report, TimeSpan? stepDeadline = null) : IAsyncDisposable
{
    private static readonly TimeSpan StepDeadline = TimeSpan.FromSeconds(30);

    /// <summary>For a step to notice its token; one that does not is left to itself, and counts as failed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly Stack<(string Name, Func<CancellationToken, ValueTask> Undo)> _steps = new();

    /// <summary>False once an undo step has failed.</summary>
    public bool Clean { get; private set; } = true;

    public void Push(string name, Func<CancellationToken, ValueTask> undo) => _steps.Push((name, undo));

    public void Push(string name, Action undo) => Push(name, _ =>
    {
        undo();
        return ValueTask.CompletedTask;
    });

    /// <summary>Everything succeeded: nothing will be undone.</summary>
    public void Commit() => _steps.Clear();

    public async ValueTask DisposeAsync()
    {
        while (_steps.TryPop(out var step))
        {
            var limit = stepDeadline ?? StepDeadline;
            using var deadline = new CancellationTokenSource(limit);
            try
            {
                await step.Undo(deadline.Token).AsTask().WaitAsync(limit + Patience).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                Clean = false;
                report(step.Name, e);
            }
        }
    }
}
