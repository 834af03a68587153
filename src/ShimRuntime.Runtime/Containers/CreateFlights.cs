using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// Creates by name: a retry joins the create under way, or gets the id of one that was finished while its client was gone, as long as
/// that container was not started. Another request for a name that is held is AlreadyExists.
/// </summary>
internal sealed class CreateFlights(ContainerStore store, ContainerNames names, CancellationToken stopping)
{
    private readonly SingleFlight<string, string> _flights = new(stopping);

    /// <param name="create">Makes the container for the claim, or throws with nothing left of it.</param>
    public async Task<string> RunAsync(
        string name, CreateContainerRequest request, Func<ContainerNames.Claim, CancellationToken, Task> create, CancellationToken client)
    {
        while (true)
        {
            var claim = names.Take(name, request);
            if (!claim.Request.Equals(request)) throw Taken(claim, "by a container of another configuration");
            if (store.Find(claim.Id) is { Record.Phase: not ContainerPhase.Creating } made)
            {
                if (made.Record.Phase == ContainerPhase.Created) return made.Id;
                throw Taken(claim, $"and that container is {ContainerEntry.Describe(made.Record.Phase)}");
            }

            var id = await _flights.RunAsync(claim.Id, token => FlyAsync(claim, create, token), client).ConfigureAwait(false);
            if (id.Length > 0) return id;
        }
    }

    /// <summary>False for one in phase Creating: its create has failed, and so has its undo.</summary>
    public bool IsUnderWay(string id) => _flights.IsFlying(id);

    /// <summary>Waits for the create of a container that is not yet one.</summary>
    public async Task JoinAsync(ContainerEntry entry, CancellationToken client)
    {
        if (entry.Record.Phase != ContainerPhase.Creating || !_flights.IsFlying(entry.Id)) return;
        try
        {
            await _flights.RunAsync(entry.Id, static _ => Task.FromResult(""), client).ConfigureAwait(false);
        }
        catch (Exception) when (!client.IsCancellationRequested)
        {
            // It failed, however, and has undone itself: for its own client to hear. A pod's stop must not fail for it.
        }
    }

    /// <summary>Empty: the claim was given up while this call was on its way; take it anew.</summary>
    private async Task<string> FlyAsync(
        ContainerNames.Claim claim, Func<ContainerNames.Claim, CancellationToken, Task> create, CancellationToken token)
    {
        if (!names.Holds(claim)) return "";
        if (store.Find(claim.Id) is not null) return claim.Id;
        try
        {
            await create(claim, token).ConfigureAwait(false);
            return claim.Id;
        }
        catch
        {
            names.Release(claim.Name, claim.Id);
            throw;
        }
    }

    private static RuntimeFault Taken(ContainerNames.Claim claim, string how) => new(FaultCode.AlreadyExists,
        $"failed to create container '{claim.Name}': the name is taken by container '{claim.Id}', {how}; remove that container or raise "
        + "the attempt");
}
