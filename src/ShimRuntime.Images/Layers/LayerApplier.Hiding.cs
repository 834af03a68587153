using System.Text;
using ShimRuntime.Linux;

namespace ShimRuntime.Images;

/// <content>Names hidden by a list beside the archive, not by whiteouts in it.</content>
internal sealed partial class LayerApplier
{
    /// <summary>
    /// Hides a path of lower layers, after <see cref="ApplyAsync"/>. What this layer has of that name stays. RuntimeFault InvalidArgument for
    /// what is no path inside.
    /// </summary>
    public void Hide(string path)
    {
        var name = Encoding.UTF8.GetBytes(path);
        try
        {
            var parts = MemberPath.Parse(name, _limits);
            if (parts.IsEmpty) throw new TarFormatException("the root can't be deleted");
            if (++_hidden > _limits.MaxEntries) throw new TarFormatException($"more than {_limits.MaxEntries} files are deleted");
            Delete(_tree.ParentOf(parts), parts[^1]);
        }
        catch (Exception e) when (e is TarFormatException or LinuxException)
        {
            throw LayerFault.Of(e, name);
        }
    }
}
