namespace ShimRuntime.Bench.Peer;

/// <summary>A runtime, and how it is started on directories of its own.</summary>
internal abstract class ContestantKind
{
    /// <summary>As the table says.</summary>
    public abstract string Name { get; }

    public abstract string Version { get; }

    /// <summary>Writes its settings below the directory; argv, argv[0] being the binary's path.</summary>
    public abstract IReadOnlyList<string> Prepare(Stage stage, string directory, string socket);

    /// <summary>Waits until a removal that was answered is done on disk, too: nothing of it may run into the next measurement.</summary>
    public virtual Task SettleAsync(string directory, CancellationToken cancellation) => Task.CompletedTask;
}
