namespace ShimRuntime.Shim.Limits;

/// <summary>
/// One limit as a cgroup version spells it: one control file, or two that the kernel checks against each other. Pure: reads through the
/// function that it is given.
/// </summary>
internal abstract class Limit(string controller)
{
    public string Controller { get; } = controller;

    /// <summary>A file that every cgroup with this limit has; a machine without it can't enforce the limit.</summary>
    public abstract string MainFile { get; }

    /// <summary>False: a machine that lacks the file is let be (hugetlb, swap accounting).</summary>
    public virtual bool IsMandatory => true;

    /// <summary>True: it never stands on the container cgroup. A leaf that is yet to be made gets it from config.json.</summary>
    public bool IsLeafsAlone { get; init; }

    /// <summary>The writes that take one cgroup from its present values to the wanted, in an order that the kernel accepts.</summary>
    /// <param name="read">Present text of a control file; null when the cgroup has none of that name.</param>
    public abstract IEnumerable<(string File, string Value)> Writes(Func<string, string?> read);

    /// <summary>
    /// A write that makes the leaf follow its parent whatever that is set to, for pairs whose kernel check no order of plain writes
    /// passes; null: none needed. The leaf's own writes then come after the parent's.
    /// </summary>
    public virtual (string File, string Value)? LeafYields => null;

    /// <summary>True when the wanted value allows more than the present one: a parent is then written before its child.</summary>
    public abstract bool Raises(Func<string, string?> read);

    /// <summary>A number as control files show it; "max" and -1 are without limit.</summary>
    protected static decimal Number(string? text) =>
        text is null or "max" or "-1" ? decimal.MaxValue : decimal.TryParse(text, out var n) ? n : 0;
}
