namespace ShimRuntime.Bench.Swap;

/// <summary>One request of an <see cref="OpenLoopLoad"/>.</summary>
/// <param name="Due">When it was to be sent.</param>
/// <param name="Sent">When it was; both since the load began.</param>
internal sealed record LoadRequest(long Number, TimeSpan Due, TimeSpan Sent)
{
    /// <summary>Every second one is sent on a kept connection.</summary>
    public bool Keeps => Number % 2 == 0;

    public LoadConnection? Connection { get; set; }

    public bool WasSentAgain { get; set; }

    public bool IsOver { get; set; }
}
