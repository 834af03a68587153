using System.Diagnostics.CodeAnalysis;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>
/// A normalised image reference, as Docker normalises: <c>busybox</c> is <c>docker.io/library/busybox:latest</c>. With both a tag and a
/// digest the digest says what is fetched and the tag is only a name.
/// </summary>
/// <param name="Host">Registry as written, port included: docker.io, registry.k8s.io, localhost:5000, [::1]:5000.</param>
/// <param name="Path">Repository below the host: library/busybox.</param>
/// <param name="Tag">Null only when a digest stands alone.</param>
public sealed record ImageReference(string Host, string Path, string? Tag, Digest? Digest)
{
    /// <summary>docker.io/library/busybox.</summary>
    public string Repository => $"{Host}/{Path}";

    /// <summary>docker.io/library/busybox:1.36, or null without a tag.</summary>
    public string? TagName => Tag is null ? null : $"{Repository}:{Tag}";

    /// <summary>The path segment of a manifest request: the digest where there is one, else the tag.</summary>
    public string ManifestKey => Digest?.ToString() ?? Tag!;

    /// <summary>docker.io/library/busybox@sha256:….</summary>
    public string DigestName(Digest digest) => $"{Repository}@{digest}";

    public static bool TryParse(string? text, [NotNullWhen(true)] out ImageReference? reference)
    {
        (reference, _) = ReferenceParser.Parse(text);
        return reference is not null;
    }

    /// <summary>Throws InvalidArgument with the rule that <paramref name="text"/> breaks.</summary>
    public static ImageReference Parse(string? text)
    {
        var (reference, error) = ReferenceParser.Parse(text);
        return reference ?? throw RuntimeFault.InvalidArgument(
            $"failed to parse image reference '{Shorten(text)}': {error}; write [host[:port]/]path[:tag][@sha256:<64 hex>]");
    }

    public override string ToString() => (Tag, Digest) switch
    {
        (null, { } digest) => DigestName(digest),
        ({ } tag, { } digest) => $"{Repository}:{tag}@{digest}",
        _ => TagName!,
    };

    private static string Shorten(string? text) => text is null ? "" : text.Length <= 300 ? text : text[..300] + "…";
}
