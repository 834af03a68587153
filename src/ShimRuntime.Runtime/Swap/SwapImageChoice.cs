using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;

namespace ShimRuntime.Runtime.Swap;

/// <summary>Which image a swap leads to, and whether the node's policy lets it.</summary>
internal sealed class SwapImageChoice(IImageStore images)
{
    /// <summary>What a container shows and has been asked for with.</summary>
    /// <param name="CurrentId">Image.id of the current generation.</param>
    /// <param name="Names">References that the container's request or an earlier swap used.</param>
    internal readonly record struct Ground(string CurrentId, IReadOnlyList<string> Names);

    /// <summary>The image of the next generation.</summary>
    /// <param name="asked">patch.image; empty: the current one.</param>
    /// <exception cref="RuntimeFault">NotFound: it is not on this node. FailedPrecondition: the policy.</exception>
    public ImageRecord Choose(string asked, Ground ground, HotSwapPolicy policy)
    {
        if (asked.Length == 0)
        {
            return images.Find(ground.CurrentId) ?? throw RuntimeFault.NotFound(
                $"failed to swap container: its image '{ground.CurrentId}' is not on this node any more; pull it again");
        }

        var image = images.Find(asked)
            ?? throw RuntimeFault.NotFound($"failed to swap container: image '{ContainerPath.Show(asked)}' is not on this node; pull it first");
        if (image.Id != ground.CurrentId) Check(asked, image, ground, policy.Images);
        return image;
    }

    private void Check(string asked, ImageRecord image, Ground ground, SwapImages allowed)
    {
        if (allowed == SwapImages.Any) return;
        if (allowed == SwapImages.None) throw Refused(asked, "no other image is allowed; set images in [hotswap]");
        var repositories = RepositoriesOf(image);
        var known = RepositoriesOf(images.Find(ground.CurrentId)).Concat(ground.Names.Select(RepositoryOf).OfType<string>()).ToHashSet(StringComparer.Ordinal);
        var named = RepositoryOf(asked);
        if (named is null ? !repositories.Any(known.Contains) : !known.Contains(named))
            throw Refused(asked, $"it is not of the container's repository ({string.Join(", ", known.Order(StringComparer.Ordinal))}); set images = \"any\" in [hotswap]");
        if (allowed == SwapImages.Digest && named is not null && ImageReference.Parse(asked).Digest is null)
            throw Refused(asked, "a tag may be moved; name it by digest, or set images = \"repository\" in [hotswap]");
    }

    private static IEnumerable<string> RepositoriesOf(ImageRecord? image) =>
        image is null ? [] : image.RepoTags.Concat(image.RepoDigests).Select(RepositoryOf).OfType<string>();

    /// <summary>Null: an image's id, which names no repository.</summary>
    private static string? RepositoryOf(string reference) =>
        !reference.StartsWith("sha256:", StringComparison.Ordinal) && !IsHex(reference) && ImageReference.TryParse(reference, out var parsed) ? parsed.Repository : null;

    private static bool IsHex(string text) => text.Length is >= 12 and <= 64 && text.All(char.IsAsciiHexDigitLower);

    private static RuntimeFault Refused(string asked, string cause) => RuntimeFault.FailedPrecondition(
        $"failed to swap container: image '{ContainerPath.Show(asked)}' is not allowed on this node: {cause}");
}
