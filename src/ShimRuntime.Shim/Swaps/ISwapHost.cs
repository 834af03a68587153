using ShimRuntime.Shim.Generations;
using ShimRuntime.Shim.Sockets;

namespace ShimRuntime.Shim.Swaps;

/// <summary>What a swap may do to its container.</summary>
internal interface ISwapHost
{
    Generation Current { get; }

    /// <summary>Listeners that were taken for this swap.</summary>
    HeldListeners Held { get; }

    /// <summary>The swap is over: nothing is held any more than the current generation needs to come by it.</summary>
    void LetGo();

    /// <summary>A generation that the container knows of from now on.</summary>
    Generation Make(uint number, string leaf);

    /// <summary>Gives a new leaf the limits in force: config.json may be older than they are.</summary>
    void FitLeaf(Generation generation);

    /// <summary>From here on its exit is the container's. One that has ended already has it ended by <see cref="EndContainer"/>.</summary>
    void Promote(Generation generation);

    /// <summary>The current generation has ended, and so has the container.</summary>
    void EndContainer();
}
