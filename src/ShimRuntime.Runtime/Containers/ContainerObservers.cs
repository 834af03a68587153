namespace ShimRuntime.Runtime.Containers;

/// <summary>Tells several, in their order.</summary>
internal sealed class ContainerObservers(IReadOnlyList<IContainerObserver> observers) : IContainerObserver
{
    public void Changed(ContainerEntry entry, ContainerChange change)
    {
        foreach (var observer in observers) observer.Changed(entry, change);
    }
}
