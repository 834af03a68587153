using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Limits;

/// <summary>
/// The order of writes for a container cgroup and its leaves in which no moment has a leaf allowed more than its parent: raise the parent
/// first, lower the leaves first. Pure but for the reads that it is given.
/// </summary>
internal static class LimitPlan
{
    /// <param name="container">Directory of the container cgroup under the limit's controller.</param>
    /// <param name="leaves">Directories of its leaves; none while there is none.</param>
    /// <param name="read">Present text of a control file by path; null when there is no such file.</param>
    public static IEnumerable<LimitStep> For(Limit limit, string container, IReadOnlyList<string> leaves, Func<string, string?> read)
    {
        if (leaves.Count > 0 && limit.LeafYields is { } yields)
        {
            var wanted = leaves.Select(leaf => limit.Writes(f => read($"{leaf}/{f}")).ToList()).ToList();
            foreach (var leaf in leaves) yield return new LimitStep($"{leaf}/{yields.File}", yields.Value);
            foreach (var step in Steps(limit, container, read)) yield return step;
            for (var i = 0; i < leaves.Count; i++)
            {
                wanted[i].Sort((a, b) => (a.File == yields.File).CompareTo(b.File == yields.File)); // what was taken off comes back last
                foreach (var (file, value) in wanted[i]) yield return new LimitStep($"{leaves[i]}/{file}", value);
            }

            yield break;
        }

        foreach (var directory in Order(limit, container, leaves, read))
        {
            foreach (var step in Steps(limit, directory, read)) yield return step;
        }
    }

    /// <summary>
    /// cpuset on v1 wants the child inside the parent at every moment: first the parent may do both, then the leaves move, then the parent
    /// follows.
    /// </summary>
    public static IEnumerable<LimitStep> ForCpuset(
        (string File, string Value) wanted, string container, IReadOnlyList<string> leaves, Func<string, string?> read)
    {
        var ids = CpuSet.TryParse(wanted.Value);
        if (ids is null || ids.Count == 0)
            throw RuntimeFault.InvalidArgument($"'{wanted.Value}' is no list of ids such as 0-3,8 for {wanted.File}");
        var file = $"{container}/{wanted.File}";
        if (leaves.Count > 0) yield return new LimitStep(file, CpuSet.Union(read(file) ?? "", wanted.Value));
        foreach (var leaf in leaves) yield return new LimitStep($"{leaf}/{wanted.File}", wanted.Value);
        yield return new LimitStep(file, wanted.Value);
    }

    private static IEnumerable<string> Order(Limit limit, string container, IReadOnlyList<string> leaves, Func<string, string?> read)
    {
        if (limit.IsLeafsAlone) return leaves;
        return limit.Raises(f => read($"{container}/{f}")) ? leaves.Prepend(container) : leaves.Append(container);
    }

    private static IEnumerable<LimitStep> Steps(Limit limit, string directory, Func<string, string?> read)
    {
        foreach (var (file, value) in limit.Writes(f => read($"{directory}/{f}"))) yield return new LimitStep($"{directory}/{file}", value);
    }
}
