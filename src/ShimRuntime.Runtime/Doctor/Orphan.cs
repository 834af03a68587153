namespace ShimRuntime.Runtime.Doctor;

/// <summary>A finding, with whose it was and how it is removed.</summary>
/// <param name="Claim">The sandbox or container under whose id it was made; null: of neither, and then <paramref name="Finding"/> is certain by itself.</param>
/// <param name="Repair">Null: not for this daemon to remove.</param>
internal sealed record Orphan(Finding Finding, Claim? Claim, Repair? Repair)
{
    public (string Kind, string Subject) Key => (Finding.Kind, Finding.Subject);
}

/// <summary>What removes one or more findings: those of one container go together. Repeatable.</summary>
/// <param name="Key">Run once for all that have it.</param>
/// <param name="Rank">Lower ones are over before higher ones begin: processes before what they hold.</param>
/// <param name="RunAsync">Throws with the cause when something is left.</param>
internal sealed record Repair(string Key, int Rank, Func<CancellationToken, Task> RunAsync)
{
    public const int OfContainers = 0, OfMounts = 1, OfSandboxes = 2, OfFiles = 3;
}
