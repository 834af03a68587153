namespace ShimRuntime.Bench.Peer;

/// <summary>One line of the table.</summary>
internal sealed record ComparedRow(string What, string Unit)
{
    public Samples Ours { get; init; } = new();

    public Samples Peer { get; init; } = new();

    /// <summary>The bare calls that the job can't do without, where there are such.</summary>
    public Samples? Floor { get; init; }

    public Target? Target { get; init; }

    public double RatioToPeer => Ours.Median / Peer.Median;

    /// <summary>Null: there is no floor.</summary>
    public double? RatioToFloor => Floor is { Count: > 0 } ? Ours.Median / Floor.Median : null;

    public bool Holds => Target is null || (Ours.Count > 0 && Target.Holds(this));

    public Samples Of(Contestant contestant) => contestant.Kind is OurRuntime ? Ours : Peer;
}
