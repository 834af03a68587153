using System.Globalization;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Images;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Sandboxes;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// Mounts layers as a pod's users have to see them. In a user namespace: an overlay over id-mapped views of the layers, whose files are nobody's
/// to change, so nothing is copied or given away. What the container writes goes to the upper directory with the host's ids.
/// </summary>
/// <param name="stage">A directory of the container's, where the views are mounted for the moment that overlayfs needs to find them.</param>
internal sealed class PodLayers(Sandbox sandbox, string stage)
{
    public UserMappings? Users => sandbox.Users;

    public void MountRootfs(Snapshot snapshot, string target)
    {
        if (sandbox.Users is { } users) GiveRoot(snapshot, users);
        // A device node that an image brings would be the host's device, and root inside its owner; the kernel locks what the host's mount forbids.
        var flags = sandbox.Users is null ? MountFlags.None : MountFlags.NoDev;
        Mount(snapshot.LowerDirs, layers => OverlayMount.Mount(layers, snapshot.UpperDir, snapshot.WorkDir, target, flags));
    }

    /// <param name="layers">Top layer first.</param>
    public void MountReadOnly(IReadOnlyList<string> layers, string target, MountFlags flags) =>
        Mount(layers, views => OverlayMount.MountReadOnly(views, target, flags));

    private void Mount(IReadOnlyList<string> layers, Action<IReadOnlyList<string>> mount)
    {
        if (sandbox.UserNamespace is null)
        {
            mount(layers);
            return;
        }

        using var user = File.OpenHandle(sandbox.UserNamespace);
        var views = new List<string>(layers.Count);
        try
        {
            foreach (var layer in layers) views.Add(View(layer, user, views.Count));
            mount(views);
        }
        finally
        {
            // The overlay holds copies of its own. Never recursive: below a view that is still mounted is the image.
            foreach (var view in views)
            {
                MountPoint.Unmount(view, lazy: true);
                Directory.Delete(view);
            }
        }

        Directory.Delete(stage);
    }

    private string View(string layer, SafeFileHandle user, int number)
    {
        var view = Path.Combine(stage, number.ToString(CultureInfo.InvariantCulture));
        Directory.CreateDirectory(view);
        using var copy = DetachedMount.Of(layer, recursive: false);
        copy.SetPropagation(MountPropagation.Private, recursive: false);
        copy.MapIds(user, recursive: false);
        copy.MoveTo(view);
        return view;
    }

    /// <summary>"/" shows the upper directory's owner: the image's, mapped.</summary>
    private static void GiveRoot(Snapshot snapshot, UserMappings users)
    {
        using var image = SafeDirFd.Open(snapshot.LowerDirs[0]);
        using var upper = SafeDirFd.Open(snapshot.UpperDir);
        var status = image.Stat();
        upper.SetOwner(users.Uids.OnHost((uint)status.Uid) ?? users.Uids.Outside, users.Gids.OnHost((uint)status.Gid) ?? users.Gids.Outside);
        upper.SetMode(status.Mode);
    }
}
