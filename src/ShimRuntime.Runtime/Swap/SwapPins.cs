using ShimRuntime.Runtime.Containers;

namespace ShimRuntime.Runtime.Swap;

/// <summary>Images that a swap may still need: the new one, and the old one for as long as the way back is open.</summary>
internal sealed class SwapPins(ContainerStore containers)
{
    /// <summary>Whose swap needs it, for behind "it is pinned "; null: nobody's.</summary>
    public string? Of(string imageId)
    {
        foreach (var entry in containers.All())
        {
            if (entry.Record.Swap is { } swap && (swap.Old.ImageId == imageId || swap.Target.ImageId == imageId))
                return $"by swap '{swap.RequestId}' of container '{entry.Id}', which may go back to it";
        }

        return null;
    }
}
