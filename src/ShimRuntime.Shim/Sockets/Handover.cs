namespace ShimRuntime.Shim.Sockets;

/// <summary>How a generation comes by the listeners of the one before it.</summary>
/// <param name="Held">The container's; empty again once the swap is over.</param>
/// <param name="ByFilter">True: it binds for itself and gets them then (L3). False: as descriptors (L1, L2).</param>
internal sealed record Handover(HeldListeners Held, bool ByFilter);
