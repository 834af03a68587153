using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <summary>A directory of the layer that is being unpacked; <see cref="LayerTree"/> knows them all.</summary>
internal sealed class LayerDirectory(LayerDirectory? parent, FileName name)
{
    public LayerDirectory? Parent { get; } = parent;

    /// <summary>Meaningless for the root.</summary>
    public FileName Name { get; } = name;

    public int Depth { get; } = parent is null ? 0 : parent.Depth + 1;

    /// <summary>No member describes it: it exists because a deeper one was named, and takes its metadata from the layers below.</summary>
    public bool Implied { get; set; } = true;

    /// <summary>Hides what lower layers have in it (trusted.overlay.opaque).</summary>
    public bool Opaque { get; set; }

    /// <summary>Stands where this same layer deleted what was below: nothing is taken from there.</summary>
    public bool Fresh { get; set; }

    /// <summary>A later member of the same name replaced it.</summary>
    public bool Removed { get; set; }

    /// <summary>Set when everything is in place, since each new entry changes it.</summary>
    public FileTime? ModifyTime { get; set; }

    /// <summary>system.posix_acl_default, set when everything is in place: it would be passed on to each new entry.</summary>
    public byte[]? DefaultAcl { get; set; }

    /// <summary>True for the other directory itself and all below it.</summary>
    public bool IsWithin(LayerDirectory other)
    {
        for (var d = this; d is not null; d = d.Parent)
        {
            if (d == other) return true;
        }

        return false;
    }

    /// <summary>Relative to the layer's root, without symbolic links; "." for the root.</summary>
    public byte[] Path()
    {
        if (Parent is null) return "."u8.ToArray();
        var length = -1;
        for (var d = this; d.Parent is not null; d = d.Parent) length += d.Name.Bytes.Length + 1;
        var path = new byte[length];
        var end = length;
        for (var d = this; d.Parent is not null; d = d.Parent)
        {
            end -= d.Name.Bytes.Length;
            d.Name.Bytes.CopyTo(path.AsSpan(end));
            if (end > 0) path[--end] = (byte)'/';
        }

        return path;
    }
}
