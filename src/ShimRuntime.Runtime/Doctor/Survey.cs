using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Doctor;

/// <summary>What one look goes by: all ids that are ours, who owned which when it began, and the mounts.</summary>
internal sealed record Survey(IReadOnlyCollection<Claim> Containers, IReadOnlyCollection<Claim> Sandboxes, Owners Owners, MountTable Mounts);

/// <summary>Looks for one sort of thing. Changes nothing.</summary>
internal interface ICheck
{
    IEnumerable<Orphan> Look(Survey survey);
}
