using System.Collections.Immutable;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>
/// A member name as components below the layer's root. A leading "/" and "." components mean nothing, as every tar reader has it; ".." is
/// refused wherever it stands, because no honest layer has it and each reader resolves it differently.
/// </summary>
internal static class MemberPath
{
    /// <summary>Empty for the root itself ("./", "/").</summary>
    public static ImmutableArray<FileName> Parse(ReadOnlySpan<byte> name, LayerLimits limits)
    {
        if (name.IsEmpty) throw new TarFormatException("a member has no name");
        if (name.Length > limits.MaxNameBytes)
        {
            throw new TarFormatException($"a name of {name.Length} bytes is longer than {limits.MaxNameBytes}");
        }

        var components = ImmutableArray.CreateBuilder<FileName>();
        foreach (var range in name.Split((byte)'/'))
        {
            var part = name[range];
            if (part.IsEmpty || part.SequenceEqual("."u8)) continue;
            if (part.SequenceEqual(".."u8)) throw new TarFormatException("a name with '..' could leave the layer");
            if (!FileName.TryCreate(part, out var component))
            {
                throw new TarFormatException($"'{PathBytes.Display(part)}' is not a file name: over 255 bytes, or with NUL");
            }

            components.Add(component);
        }

        return components.Count <= limits.MaxDepth
            ? components.ToImmutable()
            : throw new TarFormatException($"a name has {components.Count} components, more than {limits.MaxDepth}");
    }
}
