using System.Collections.Concurrent;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// Which id a name has, from the moment a create begins: a retry of the same request finds it and joins, another request is told that
/// the name is taken. Freed when the container is removed, or at once when its create failed.
/// </summary>
public sealed class ContainerNames
{
    private readonly ConcurrentDictionary<string, Claim> _claims = new(StringComparer.Ordinal);

    /// <summary>The claim that holds the name: a new one, or whoever came first.</summary>
    public Claim Take(string name, CreateContainerRequest request) =>
        _claims.GetOrAdd(name, static (n, r) => new Claim(n, ContainerId.New(), r), request);

    /// <summary>For recovery. False: the name is taken.</summary>
    public bool Restore(Claim claim) => _claims.TryAdd(claim.Name, claim);

    public bool Holds(Claim claim) => _claims.TryGetValue(claim.Name, out var holder) && ReferenceEquals(holder, claim);

    /// <summary>Of all that hold a name now, from before anything of them exists until after nothing does.</summary>
    public IEnumerable<string> Ids() => _claims.Select(c => c.Value.Id);

    /// <summary>Frees the name if this id holds it.</summary>
    public void Release(string name, string id)
    {
        if (_claims.TryGetValue(name, out var holder) && holder.Id == id) _claims.TryRemove(new KeyValuePair<string, Claim>(name, holder));
    }

    public sealed class Claim(string name, string id, CreateContainerRequest request)
    {
        public string Name { get; } = name;

        public string Id { get; } = id;

        public CreateContainerRequest Request { get; } = request;
    }
}
