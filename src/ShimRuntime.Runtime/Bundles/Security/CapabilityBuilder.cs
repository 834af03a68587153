using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// The five sets. Start: the default set, or everything this node can give when privileged. Then ALL of add, ALL of drop, the single adds,
/// the single drops, in this order, so that "drop ALL, add CHOWN" and "add ALL, drop CHOWN" mean what they say. Ambient ones are also
/// inheritable and permitted; nothing else is ever inheritable.
/// </summary>
internal static class CapabilityBuilder
{
    private const string Field = "linux.security_context.capabilities";

    public static CapabilitySets Build(LinuxContainerSecurityContext context, HostFacts host)
    {
        var asked = context.Capabilities ?? new Capability();
        var granted = new HashSet<string>(context.Privileged ? host.Capabilities : CapabilityNames.Default.Where(host.Capabilities.Contains));
        if (asked.AddCapabilities.Any(IsAll)) granted = [.. host.Capabilities];
        if (asked.DropCapabilities.Any(IsAll)) granted.Clear();
        granted.UnionWith(Named(asked.AddCapabilities, "add_capabilities", host));
        foreach (var dropped in Named(asked.DropCapabilities, "drop_capabilities", null)) granted.Remove(dropped);

        var ambient = Ambient(asked, granted, host);
        granted.UnionWith(ambient);
        return Sets(granted, ambient);
    }

    private static HashSet<string> Ambient(Capability asked, HashSet<string> granted, HostFacts host)
    {
        var ambient = asked.AddAmbientCapabilities.Any(IsAll) ? [.. granted] : new HashSet<string>();
        ambient.UnionWith(Named(asked.AddAmbientCapabilities, "add_ambient_capabilities", host));
        return ambient;
    }

    private static CapabilitySets Sets(HashSet<string> granted, HashSet<string> ambient)
    {
        var ordered = CapabilityNames.All.Where(granted.Contains).ToList();
        var raised = CapabilityNames.All.Where(ambient.Contains).ToList();
        return new CapabilitySets { Bounding = ordered, Effective = ordered, Permitted = ordered, Inheritable = raised, Ambient = raised };
    }

    /// <param name="host">Given: each must also be in this node's power.</param>
    private static IEnumerable<string> Named(IEnumerable<string> names, string list, HostFacts? host)
    {
        foreach (var name in names.Where(n => !IsAll(n)))
        {
            var known = CapabilityNames.Normalize(name)
                ?? throw Refusal.Invalid($"{Field}.{list}", $"'{ContainerPath.Show(name)}' is no capability; see capabilities(7)");
            if (host is not null && !host.Capabilities.Contains(known))
            {
                throw Refusal.Impossible(
                    $"{Field}.{list}", $"{known} is not in the bounding set of this node's runtime; remove it from the pod or grant it to the daemon");
            }

            yield return known;
        }
    }

    private static bool IsAll(string name) => name.Equals("ALL", StringComparison.OrdinalIgnoreCase);
}
