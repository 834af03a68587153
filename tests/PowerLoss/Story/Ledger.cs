namespace ShimRuntime.PowerLoss.Tests.Story;

/// <summary>Whether something has to be there after a power loss.</summary>
public enum Presence
{
    MustNot,
    May,
    Must,
}

/// <summary>
/// What clients had been told at one moment. A call that was under way may have happened or not; one that was answered has, with one exception: a
/// container that was created and never started is lost with nothing (decision 50).
/// </summary>
/// <param name="marks">Calls that had begun, oldest first.</param>
public sealed class Ledger(IReadOnlyList<Mark> marks, double moment)
{
    /// <summary>Equal ledgers judge equally.</summary>
    public string Key => string.Join(' ', marks.Select(m => Answered(m) ? "answered" : "begun"));

    public IEnumerable<string> Ids(Verb verb) => marks.Where(m => m.Verb == verb).Select(m => m.Id).Distinct();

    public Presence Image(string id) => Last(id, Verb.Pull, Verb.RemoveImage);

    public Presence Pod(string id) => Last(id, Verb.RunPod, Verb.RemovePod);

    public Presence Container(string id) => Last(id, Verb.Start, Verb.RemoveContainer) is var started && marks.Any(m => m.Id == id && m.Verb == Verb.Start)
        ? started
        : Max(Presence.May, Last(id, Verb.Create, Verb.RemoveContainer));

    /// <summary>The exit code that a client has seen; null: none yet.</summary>
    public int? ExitOf(string id) => marks.LastOrDefault(m => m.Id == id && m.Verb == Verb.SeeExit && Answered(m)) is { } seen
        ? int.Parse(seen.Value, System.Globalization.CultureInfo.InvariantCulture) : null;

    /// <summary>The image that a client was told a container had been swapped to; null: none.</summary>
    public string? SwappedTo(string id) => marks.LastOrDefault(m => m.Id == id && m.Verb == Verb.Swap && Answered(m))?.Value;

    private static Presence Max(Presence most, Presence of) => of > most ? most : of;

    private Presence Last(string id, Verb makes, Verb removes)
    {
        var presence = Presence.MustNot;
        foreach (var mark in marks.Where(m => m.Id == id && (m.Verb == makes || m.Verb == removes)))
            presence = !Answered(mark) ? Presence.May : mark.Verb == makes ? Presence.Must : Presence.MustNot;
        return presence;
    }

    private bool Answered(Mark mark) => mark.AnsweredAt < moment;
}
