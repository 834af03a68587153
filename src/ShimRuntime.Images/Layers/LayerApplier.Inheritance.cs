namespace ShimRuntime.Images;

internal sealed partial class LayerApplier
{
    /// <summary>Gives implied directories owner, mode, attributes and times of the directory that they would otherwise hide.</summary>
    private void Inherit(LowerLayers lower, CancellationToken cancellation)
    {
        if (lower.All.Count == 0) return;
        var wanted = LeadingToImplied();
        var through = new Dictionary<LayerDirectory, IReadOnlyList<int>>();
        foreach (var directory in _tree.Directories)
        {
            if (!wanted.Contains(directory)) continue;
            cancellation.ThrowIfCancellationRequested();
            var path = directory.Path();
            var here = directory.Parent is null ? lower.All
                : directory.Fresh || directory.Parent.Opaque ? [] : lower.At(path, through.GetValueOrDefault(directory.Parent, []));
            if (directory.Implied && here.Count > 0) CopyMetadata(lower, here[0], path, directory);
            through[directory] = here;
        }
    }

    /// <summary>Implied directories and their parents: only these are looked up below.</summary>
    private HashSet<LayerDirectory> LeadingToImplied()
    {
        var wanted = new HashSet<LayerDirectory>();
        foreach (var directory in _tree.Directories)
        {
            if (directory.Removed || !directory.Implied) continue;
            for (var d = directory; d is not null && wanted.Add(d); d = d.Parent)
            {
            }
        }

        return wanted;
    }

    private void CopyMetadata(LowerLayers lower, int layer, byte[] path, LayerDirectory directory)
    {
        using var from = lower.Open(layer, path);
        DirectoryMetadata.Copy(from, _tree.Open(directory));
        directory.ModifyTime = from.Stat().ModifyTime;
    }
}
