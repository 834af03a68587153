using System.Globalization;

namespace ShimRuntime.Cli.Streams;

/// <summary>LOCAL:REMOTE, or one number for both; local 0: any free port.</summary>
internal readonly record struct ForwardedPort(int Local, int Remote)
{
    private const int Largest = 65535;

    /// <exception cref="UsageException">Not such a pair.</exception>
    public static ForwardedPort Parse(string text)
    {
        var parts = text.Split(':');
        if (parts.Length > 2) throw Wrong(text);
        var remote = Number(parts[^1], text);
        var local = parts is [var first, _] ? Number(first, text) : remote;
        return remote == 0 ? throw Wrong(text) : new ForwardedPort(local, remote);
    }

    private static int Number(string part, string text) =>
        int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= Largest ? port : throw Wrong(text);

    private static UsageException Wrong(string text) => new($"'{text}' is no port to forward; write LOCAL:REMOTE, such as 8080:80");
}
