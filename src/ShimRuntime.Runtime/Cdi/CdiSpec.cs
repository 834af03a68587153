using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Cdi;

/// <summary>One file of a spec directory (Container Device Interface, SPEC.md 0.3.0 to 1.1.0).</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Kind">vendor/class.</param>
/// <param name="Devices">By name; qualified it is kind=name.</param>
/// <param name="Edits">For every container that gets any device of this file.</param>
internal sealed record CdiSpec(string Path, string Kind, IReadOnlyDictionary<string, CdiEdits> Devices, CdiEdits Edits);

/// <summary>containerEdits: what is changed in config.json.</summary>
internal sealed record CdiEdits
{
    /// <summary>Where it stands, for refusals: "/etc/cdi/x.yaml, devices[0].containerEdits".</summary>
    public required string Source { get; init; }

    /// <summary>NAME=value.</summary>
    public IReadOnlyList<string> Env { get; init; } = [];

    public IReadOnlyList<CdiDeviceNode> DeviceNodes { get; init; } = [];

    public IReadOnlyList<MountSpec> Mounts { get; init; } = [];

    public IReadOnlyList<CdiHook> Hooks { get; init; } = [];

    public IntelRdtSpec? IntelRdt { get; init; }

    public IReadOnlyList<uint> AdditionalGids { get; init; } = [];
}

/// <summary>A device node; what is absent is taken from the node on the host.</summary>
/// <param name="Path">In the container.</param>
/// <param name="HostPath">Where the host has it.</param>
/// <param name="Type">b, c, u or p; null: the host's.</param>
internal sealed record CdiDeviceNode(string Path, string HostPath, string? Type)
{
    /// <summary>0: the host's.</summary>
    public long Major { get; init; }

    public long Minor { get; init; }

    public uint? FileMode { get; init; }

    /// <summary>Of r, w, m.</summary>
    public string Permissions { get; init; } = "rwm";

    public uint? Uid { get; init; }

    public uint? Gid { get; init; }
}

/// <param name="Stage">prestart, createRuntime, createContainer, startContainer, poststart or poststop.</param>
internal sealed record CdiHook(string Stage, HookSpec Hook);
