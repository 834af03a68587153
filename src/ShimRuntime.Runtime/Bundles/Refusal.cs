using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>Sentences for a request that can't be built, always with the field's name as CRI spells it.</summary>
internal static class Refusal
{
    private const string Create = "failed to create container";

    /// <summary>The request is wrong on any node.</summary>
    public static RuntimeFault Invalid(string field, string cause) => RuntimeFault.InvalidArgument($"{Create}: {field} {cause}");

    /// <summary>The request is right and this node can't serve it.</summary>
    public static RuntimeFault Impossible(string field, string cause) => RuntimeFault.FailedPrecondition($"{Create}: {field} {cause}");

    /// <summary>The request is right and this release can't serve it.</summary>
    public static RuntimeFault Unsupported(string field, string cause) => new(FaultCode.Unimplemented, $"{Create}: {field} {cause}");
}
