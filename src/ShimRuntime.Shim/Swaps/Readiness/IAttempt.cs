namespace ShimRuntime.Shim.Swaps.Readiness;

/// <summary>One kind of look at a new generation, made again and again.</summary>
internal interface IAttempt
{
    /// <param name="onDone">Told once: null for success, or why not. Never after <see cref="Cancel"/>.</param>
    void Begin(Action<string?> onDone);

    /// <summary>Ends the attempt under way, if there is one.</summary>
    void Cancel();
}
