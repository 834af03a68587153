namespace ShimRuntime.Shim.Session.Remote;

/// <summary>
/// What client and server agree on for exec and attach: v5.channel.k8s.io down to v1, over SPDY or WebSocket (kubelet's server has the
/// same list).
/// </summary>
/// <param name="Number">1–5. 3: terminals can be resized. 4: the error stream carries a JSON Status. 5: a WebSocket client can end its stdin.</param>
internal readonly record struct ProtocolVersion(string Name, int Number, bool IsBase64 = false)
{
    /// <summary>Best first. A client that names none is of the time before the names: it gets v1.</summary>
    public static ProtocolVersion[] Spdy { get; } =
    [
        new("v5.channel.k8s.io", 5), new("v4.channel.k8s.io", 4), new("v3.channel.k8s.io", 3), new("v2.channel.k8s.io", 2),
        new("channel.k8s.io", 1),
    ];

    /// <summary>There never were v2 and v3 here: channel.k8s.io means all before v4, with resizing.</summary>
    public static ProtocolVersion[] WebSocket { get; } =
    [
        new("v5.channel.k8s.io", 5), new("v4.channel.k8s.io", 4), new("v4.base64.channel.k8s.io", 4, true), new("channel.k8s.io", 3),
        new("base64.channel.k8s.io", 3, true),
    ];

    public bool HasResize => Number >= 3;

    public bool HasJsonStatus => Number >= 4;

    /// <summary>The best of ours that the client offers; null: none.</summary>
    public static ProtocolVersion? Choose(IReadOnlyList<ProtocolVersion> ours, IReadOnlyList<string> offered)
    {
        if (offered.Count == 0) return ours == WebSocket ? new ProtocolVersion("", 3) : new ProtocolVersion("", 1);
        foreach (var version in ours)
        {
            if (offered.Contains(version.Name)) return version;
        }

        return null;
    }
}
