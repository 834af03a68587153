using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using ShimRuntime.Oci;

namespace ShimRuntime.Images;

/// <summary>Chain ids (image-spec config.md): the first is the diff id, each next the digest of "previous diff-id".</summary>
internal static class ChainId
{
    public static ImmutableArray<Digest> Of(IReadOnlyList<Digest> diffIds)
    {
        var chain = ImmutableArray.CreateBuilder<Digest>(diffIds.Count);
        foreach (var diffId in diffIds)
            chain.Add(chain.Count == 0 ? diffId : Digest.FromHash(SHA256.HashData(Encoding.ASCII.GetBytes($"{chain[^1]} {diffId}"))));
        return chain.ToImmutable();
    }
}
