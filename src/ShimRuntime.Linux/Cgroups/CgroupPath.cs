namespace ShimRuntime.Linux;

/// <summary>Names of cgroups: absolute, below every controller's mount, without . and .. segments.</summary>
public static class CgroupPath
{
    private const int MaxNameBytes = 255; // NAME_MAX

    /// <summary>Throws for a path that could name anything outside the hierarchy.</summary>
    /// <exception cref="RuntimeFault">InvalidArgument.</exception>
    public static void Check(string cgroup)
    {
        if (cgroup == "/") return;
        var valid = cgroup.StartsWith('/') && !cgroup.Contains('\n') && !cgroup.Contains('\0');
        var segments = valid ? cgroup.AsSpan(1) : [];
        foreach (var range in segments.Split('/'))
        {
            var name = segments[range];
            valid &= name is not ("" or "." or "..") && name.Length <= MaxNameBytes;
        }

        if (!valid) throw RuntimeFault.InvalidArgument($"cgroup path '{cgroup}' is not absolute and clean");
    }

    public static string Parent(string cgroup)
    {
        var slash = cgroup.LastIndexOf('/');
        return slash <= 0 ? "/" : cgroup[..slash];
    }

    /// <summary>The cgroup itself, its parent, … up to but without the root.</summary>
    public static IReadOnlyList<string> SelfAndAncestors(string cgroup)
    {
        List<string> path = [];
        for (var at = cgroup; at != "/"; at = Parent(at)) path.Add(at);
        return path;
    }
}
