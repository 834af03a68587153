using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Chaos.Tests;

/// <summary>One point of the binaries under test.</summary>
/// <param name="Kind">write, spawn, mount, namespace, cgroup or frame.</param>
/// <param name="Errors">False: the call can't fail there, so no error is put into it.</param>
public sealed record Failpoint(string Name, string Kind, bool Errors)
{
    private const string Listed = "// failpoint ";

    /// <summary>Named by hand in the code that knows the method; an error of a client's frames is one of its socket, which has points of its own.</summary>
    private static readonly (string Place, bool Errors)[] Frames =
    [
        ("ShimClient.CallAsync:*.before", false), ("ShimClient.CallAsync:*.after", false), ("ShimConnection.Serve:*.before", true),
        ("ShimCall.Answer:*.before", false), ("ShimCall.Answer:*.after", false),
    ];

    /// <summary>Of every whole-file write: the new content is in its temporary file.</summary>
    private static readonly Failpoint BeforeRename = new("Linux.DurableFile.Replace:Rename.before", "write", true);

    private static readonly string[] Methods =
    [
        "Hello", "Start", "Restore", "Wait", "Stop", "ExecSync", "Attach", "CloseStdin", "Update", "ReopenLog", "Pause", "Checkpoint", "Swap",
        "HoldSockets", "EndSwap", "Upgrade", "Shutdown",
    ];

    /// <summary>All that the generator of tests/Failpoints wrote into the binaries, and the frames.</summary>
    public static IReadOnlyList<Failpoint> All { get; } = [.. Generated().Concat(OfFrames()).Append(BeforeRename).OrderBy(p => p.Name, StringComparer.Ordinal)];

    private static IEnumerable<Failpoint> Generated() =>
        from file in Directory.EnumerateFiles(Path.Combine(Installation.RepositoryRoot, "artifacts/chaos/generated"), "Failpoints.g.cs", SearchOption.AllDirectories)
        from line in File.ReadLines(file).Select(l => l.Trim())
        where line.StartsWith(Listed, StringComparison.Ordinal)
        let words = line[Listed.Length..].Split(' ')
        select new Failpoint(words[0], words[1], words[2] == "errors");

    private static IEnumerable<Failpoint> OfFrames() =>
        from method in Methods
        from frame in Frames
        select new Failpoint("ShimProtocol." + frame.Place.Replace("*", method, StringComparison.Ordinal), "frame", frame.Errors);
}
