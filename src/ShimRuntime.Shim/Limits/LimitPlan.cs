using ShimRuntime.Linux;

namespace ShimRuntime.Shim.Limits;

/// <summary>
/// The order of writes for a container cgroup and its leaf in which no moment has a leaf allowed more than its parent: raise the parent
/// first, lower the leaf first. Pure but for the reads that it is given.
/// </summary>
internal static class LimitPlan
{
    /// <param name="container">Directory of the container cgroup under the limit's controller.</param>
    /// <param name="leaf">Directory of the leaf; null while there is none.</param>
    /// <param name="read">Present text of a control file by path; null when there is no such file.</param>
    public static IEnumerable<LimitStep> For(Limit limit, string container, string? leaf, Func<string, string?> read)
    {
        if (leaf is not null && limit.LeafYields is { } yields)
        {
            var leafWrites = limit.Writes(f => read($"{leaf}/{f}")).ToList();
            leafWrites.Sort((a, b) => (a.File == yields.File).CompareTo(b.File == yields.File)); // what was taken off comes back last
            yield return new LimitStep($"{leaf}/{yields.File}", yields.Value);
            foreach (var (file, value) in limit.Writes(f => read($"{container}/{f}")))
                yield return new LimitStep($"{container}/{file}", value);
            foreach (var (file, value) in leafWrites) yield return new LimitStep($"{leaf}/{file}", value);
            yield break;
        }

        if (limit.IsLeafsAlone)
        {
            if (leaf is null) yield break;
            foreach (var (file, value) in limit.Writes(f => read($"{leaf}/{f}"))) yield return new LimitStep($"{leaf}/{file}", value);
            yield break;
        }

        string?[] order = limit.Raises(f => read($"{container}/{f}")) ? [container, leaf] : [leaf, container];
        foreach (var directory in order)
        {
            if (directory is null) continue;
            foreach (var (file, value) in limit.Writes(f => read($"{directory}/{f}")))
                yield return new LimitStep($"{directory}/{file}", value);
        }
    }

    /// <summary>
    /// cpuset on v1 wants the child inside the parent at every moment: first the parent may do both, then the leaf moves, then the parent
    /// follows.
    /// </summary>
    public static IEnumerable<LimitStep> ForCpuset(
        (string File, string Value) wanted, string container, string? leaf, Func<string, string?> read)
    {
        var ids = CpuSet.TryParse(wanted.Value);
        if (ids is null || ids.Count == 0)
            throw RuntimeFault.InvalidArgument($"'{wanted.Value}' is no list of ids such as 0-3,8 for {wanted.File}");
        var file = $"{container}/{wanted.File}";
        if (leaf is not null)
        {
            yield return new LimitStep(file, CpuSet.Union(read(file) ?? "", wanted.Value));
            yield return new LimitStep($"{leaf}/{wanted.File}", wanted.Value);
        }

        yield return new LimitStep(file, wanted.Value);
    }
}
