namespace ShimRuntime.Runtime.Networking;

/// <summary>Versions of the CNI specification that are spoken here: 0.3.1 to 1.1.0. Older results have another shape.</summary>
internal static class CniVersion
{
    private static readonly string[] Spoken = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"];

    public static bool IsSpoken(string version) => Spoken.Contains(version);

    /// <summary>prevResult is given to DEL from 0.4.0 on (CNI SPEC, "DEL").</summary>
    public static bool DelTakesPreviousResult(string version) => version != "0.3.1";

    /// <summary>The greatest of the offered ones (the list's cniVersions) that is spoken; null: none.</summary>
    public static string? Choose(IEnumerable<string> offered) => Spoken.LastOrDefault(offered.Contains);

    public static string Names => string.Join(", ", Spoken);
}
