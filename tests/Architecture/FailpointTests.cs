using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ShimRuntime.Failpoints;
using Xunit;

namespace ShimRuntime.Architecture.Tests;

/// <summary>
/// No durable write, spawn, mount, namespace or cgroup without a failpoint. The generator of tests/Failpoints gives one to every plain call of a
/// primitive, so what is forbidden here is the way around: the kernel's own calls elsewhere than in primitives, and primitives that are
/// not called but handed on. (Frames have theirs by hand, where one is sent or received.)
/// </summary>
public sealed class FailpointTests
{
    /// <summary>Calls of libc that change what outlives a process, and the types of the house that may make them.</summary>
    private static readonly Dictionary<string, string[]> Kernel = new()
    {
        ["mount"] = ["MountPoint"],
        ["umount2"] = ["MountPoint"],
        ["MoveMount"] = ["DetachedMount"],
        ["OpenTree"] = ["DetachedMount"],
        ["unshare"] = ["LinuxNamespace"],
        ["setns"] = ["LinuxNamespace", "NetworkVisit"],
        ["posix_spawn"] = ["Spawner"],
        ["execveat"] = ["ProgramExchange", "PodInit"],
        ["fork"] = [],
        ["rename"] = [],
        ["renameat2"] = ["DurableFile", "SafeDirFd"],
        ["fsync"] = ["DurableFile", "SafeDirFd"],
        ["mkdir"] = ["NativePath"],
        ["rmdir"] = ["NativePath"],
        ["unlink"] = ["ScratchFile", "UnixSocket"],
    };

    [Fact]
    public void The_kernel_is_asked_by_primitives_alone()
    {
        var calls = from file in Repository.Sources("src").Where(AsksTheKernel)
                    from call in Nodes<InvocationExpressionSyntax>(file)
                    let name = NameOf(call.Expression)
                    where name is not null && Kernel.TryGetValue(name, out var allowed) && !allowed.Contains(TypeOf(call))
                    select $"{Place(file, call)}: {name} in {TypeOf(call)}; call a primitive of tests/Failpoints/Primitives.cs";
        Violations.None(calls);
    }

    /// <summary>An interceptor takes the place of calls only: a delegate would pass it by.</summary>
    [Fact]
    public void Primitives_are_called_and_not_handed_on()
    {
        var handed = from file in Repository.Sources("src")
                     from access in Nodes<MemberAccessExpressionSyntax>(file)
                     where Primitives.All.ContainsKey($"{access.Expression}.{access.Name.Identifier.Text}")
                     where access.Parent is not InvocationExpressionSyntax call || call.Expression != access
                     where access.Parent is not InvocationExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "nameof" } }
                     select $"{Place(file, access)}: {access} is handed on; write x => {access}(x)";
        Violations.None(handed);
    }

    /// <summary>A primitive that is renamed would lose its points without a word.</summary>
    [Fact]
    public void Every_primitive_is_there()
    {
        var methods = (from file in Repository.Sources("src/ShimRuntime.Linux")
                       from method in Nodes<MethodDeclarationSyntax>(file)
                       select $"{TypeOf(method)}.{method.Identifier.Text}").ToHashSet();
        string[] others = ["File", "Directory", "RandomAccess", "Socket"];
        Violations.None(Primitives.All.Keys.Where(p => !others.Contains(p.Split('.')[0]) && !methods.Contains(p)));
    }

    private static IEnumerable<T> Nodes<T>(string file) where T : SyntaxNode =>
        CSharpSyntaxTree.ParseText(Repository.Read(file)).GetRoot().DescendantNodes().OfType<T>();

    private static bool AsksTheKernel(string file) => Repository.Read(file) is var text
        && (text.Contains("Tmds.Linux.LibC", StringComparison.Ordinal) || text.Contains("LibraryImport", StringComparison.Ordinal));

    private static string? NameOf(ExpressionSyntax expression) => expression switch
    {
        IdentifierNameSyntax name => name.Identifier.Text,
        MemberAccessExpressionSyntax access => access.Name.Identifier.Text,
        _ => null,
    };

    private static string TypeOf(SyntaxNode node) => node.Ancestors().OfType<TypeDeclarationSyntax>().FirstOrDefault()?.Identifier.Text ?? "";

    private static string Place(string file, SyntaxNode node) => $"{file}:{node.GetLocation().GetLineSpan().StartLinePosition.Line + 1}";
}
