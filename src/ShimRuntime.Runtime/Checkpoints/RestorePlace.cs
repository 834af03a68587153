namespace ShimRuntime.Runtime.Checkpoints;

/// <summary>Where a container comes back.</summary>
/// <param name="Directory">Where its start looks for CRIU's images and settings.</param>
/// <param name="Hostname">Its pod's.</param>
internal sealed record RestorePlace(string Directory, string LeafCgroup, string Hostname);
