using System.Buffers;
using System.Net;
using System.Net.Sockets;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// The reference grammar of the distribution project: <c>[host[":"port]"/"]path[":"tag]["@"digest]</c>, and Docker's defaults
/// (docker.io, library/, latest). Answers the reference, or the rule that was broken; never throws.
/// </summary>
internal static class ReferenceParser
{
    private const string DefaultHost = "docker.io";
    private const int MaxName = 255;
    private const int MaxTag = 128;
    private static readonly SearchValues<char> TagChars =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    public static (ImageReference? Reference, string? Error) Parse(string? text)
    {
        if (string.IsNullOrEmpty(text)) return (null, "it is empty");
        var rest = text;
        Digest? digest = null;
        if (rest.IndexOf('@') is >= 0 and var at)
        {
            if (!Digest.TryParse(rest[(at + 1)..], out var parsed))
                return (null, "after '@' stands no sha256 digest of 64 lower-case hex digits");
            digest = parsed;
            rest = rest[..at];
        }

        string? tag = null;
        if (rest.LastIndexOf(':') is >= 0 and var colon && rest.IndexOf('/', colon) < 0)
        {
            tag = rest[(colon + 1)..];
            rest = rest[..colon];
            if (TagError(tag) is { } wrong) return (null, wrong);
        }

        return Name(rest, tag, digest);
    }

    private static (ImageReference?, string?) Name(string name, string? tag, Digest? digest)
    {
        if (name.Length == 64 && !name.AsSpan().ContainsAnyExcept(HexDigits)) return (null, "64 hex digits are an image id, not a name");
        var (host, path) = Split(name);
        if (HostError(host) is { } badHost) return (null, badHost);
        if (host == DefaultHost && path.Length > 0 && !path.Contains('/')) path = "library/" + path;
        if (PathError(path) is { } badPath) return (null, badPath);
        if (host.Length + 1 + path.Length > MaxName) return (null, $"the name is longer than {MaxName} characters");
        return (new ImageReference(host, path, tag ?? (digest is null ? "latest" : null), digest), null);
    }

    /// <summary>
    /// The first segment is a host if it has a dot, a port or an upper-case letter, or is localhost; otherwise it belongs to the path.
    /// </summary>
    private static (string Host, string Path) Split(string name)
    {
        var slash = name.IndexOf('/');
        var first = slash < 0 ? "" : name[..slash];
        var isHost = first.AsSpan().ContainsAny('.', ':') || first == "localhost" || first.Any(char.IsAsciiLetterUpper);
        if (!isHost) return (DefaultHost, name);
        return (first is "index.docker.io" ? DefaultHost : first, name[(slash + 1)..]);
    }

    private static string? TagError(string tag)
    {
        if (tag.Length == 0) return "the tag after ':' is empty";
        if (tag.Length > MaxTag) return $"the tag is longer than {MaxTag} characters";
        if (tag[0] is '.' or '-') return "a tag starts with a letter, a digit or '_'";
        return tag.AsSpan().ContainsAnyExcept(TagChars) ? "a tag has only letters, digits, '_', '.' and '-'" : null;
    }

    private static string? HostError(string host)
    {
        var name = host;
        if (host.StartsWith('['))
        {
            var end = host.IndexOf(']');
            if (end < 0 || !IsIPv6(host[1..end])) return $"the host '{host}' is no IPv6 address in brackets";
            if (end == host.Length - 1) return null;
            return host[end + 1] == ':' ? PortError(host[(end + 2)..]) : $"the host '{host}' goes on after ']'";
        }

        if (host.IndexOf(':') is >= 0 and var colon)
        {
            name = host[..colon];
            if (PortError(host[(colon + 1)..]) is { } wrong) return wrong;
        }

        return name.Split('.').All(IsLabel) ? null : $"the host '{host}' is no domain name or address";
    }

    private static string? PortError(string port) =>
        port.Length is > 0 and <= 5
            && port.All(char.IsAsciiDigit) && int.Parse(port, System.Globalization.CultureInfo.InvariantCulture) is > 0 and <= 65535
            ? null
            : $"the port '{port}' is not in 1…65535";

    private static bool IsIPv6(string text) =>
        !text.Contains('%') && IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetworkV6;

    private static bool IsLabel(string label) =>
        label.Length > 0 && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private static string? PathError(string path)
    {
        if (path.Length == 0) return "the repository name is empty";
        if (path.Any(char.IsAsciiLetterUpper)) return "a repository name is lower-case";
        return path.Split('/').All(IsComponent)
            ? null : "a repository segment is lower-case letters and digits, joined by one '.', one or two '_', or '-'";
    }

    /// <summary>Runs of [a-z0-9] joined by ".", "_", "__" or any number of "-".</summary>
    private static bool IsComponent(string segment)
    {
        if (segment.Length == 0 || !IsAlphanumeric(segment[0]) || !IsAlphanumeric(segment[^1])) return false;
        for (var i = 1; i < segment.Length;)
        {
            if (IsAlphanumeric(segment[i]))
            {
                i++;
                continue;
            }

            var end = i;
            while (!IsAlphanumeric(segment[end])) end++;
            var separator = segment.AsSpan(i, end - i);
            if (separator is not ("." or "_" or "__") && separator.ContainsAnyExcept('-')) return false;
            i = end;
        }

        return true;
    }

    private static bool IsAlphanumeric(char c) => c is (>= 'a' and <= 'z') or (>= '0' and <= '9');
}
