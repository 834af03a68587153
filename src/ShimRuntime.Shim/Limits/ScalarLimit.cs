namespace ShimRuntime.Shim.Limits;

/// <summary>A limit that is one file with one value.</summary>
internal sealed class ScalarLimit(string controller, string file, string value, bool mandatory = true) : Limit(controller)
{
    public override string MainFile => file;

    public override bool IsMandatory => mandatory;

    public override IEnumerable<(string File, string Value)> Writes(Func<string, string?> read) => [(file, value)];

    public override bool Raises(Func<string, string?> read) => Number(value) > Number(read(file));
}
