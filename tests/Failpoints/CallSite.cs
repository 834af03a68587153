using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ShimRuntime.Failpoints;

/// <summary>One call of a primitive: where it is, and how a method must look that takes its place.</summary>
public sealed record CallSite
{
    private static readonly SymbolDisplayFormat Qualified = SymbolDisplayFormat.FullyQualifiedFormat;

    /// <summary>Project, type and member, such as "Runtime.SandboxFiles.Create".</summary>
    public required string Member { get; init; }

    public required Primitive Primitive { get; init; }

    /// <summary>The compiler's own attribute for the place.</summary>
    public required string Attribute { get; init; }

    /// <summary>File and offset: the order of several calls in one member.</summary>
    public required (string File, int Position) Place { get; init; }

    /// <summary>Receiver and parameters of the method in its place.</summary>
    public required string Parameters { get; init; }

    /// <summary>The call itself, with those parameters as arguments.</summary>
    public required string Call { get; init; }

    public required string ReturnType { get; init; }

    /// <summary>Null: no primitive, or one that is called by its own type (a caller further out has the point).</summary>
    public static CallSite? TryRead(GeneratorSyntaxContext context, CancellationToken cancellation)
    {
        var call = (InvocationExpressionSyntax)context.Node;
        var model = context.SemanticModel;
        if (model.GetSymbolInfo(call, cancellation).Symbol is not IMethodSymbol method || Find(method) is not { } primitive) return null;
        if (EnclosingMember(model.GetEnclosingSymbol(call.SpanStart, cancellation)) is not { ContainingType: { } type } member) return null;
        if (type.Name == "Failpoint" || SymbolEqualityComparer.Default.Equals(type, method.ContainingType)) return null;
        if (model.GetInterceptableLocation(call, cancellation) is not { } location) return null;
        var receiver = method.IsStatic ? method.ContainingType.ToDisplayString(Qualified) : "self";
        var self = method.IsStatic ? [] : new[] { $"this {method.ContainingType.ToDisplayString(Qualified)} self" };
        return new CallSite
        {
            Member = $"{Project(type)}.{TypeName(type)}.{MemberName(member)}",
            Primitive = primitive,
            Attribute = location.GetInterceptsLocationAttributeSyntax(),
            Place = (call.SyntaxTree.FilePath, call.SpanStart),
            Parameters = string.Join(", ", self.Concat(method.Parameters.Select(Declare))),
            Call = $"{receiver}.{method.Name}({string.Join(", ", method.Parameters.Select(p => $"{Modifier(p.RefKind)}@{p.Name}"))})",
            ReturnType = method.ReturnsVoid ? "void" : method.ReturnType.ToDisplayString(Qualified),
        };
    }

    private static Primitive? Find(IMethodSymbol method)
    {
        var space = method.ContainingNamespace.ToDisplayString();
        if (space is not ("ShimRuntime.Linux" or "System.IO" or "System.Net.Sockets")) return null;
        return Primitives.All.GetValueOrDefault($"{method.ContainingType.Name}.{method.Name}");
    }

    /// <summary>Out of lambdas and local functions.</summary>
    private static ISymbol? EnclosingMember(ISymbol? symbol)
    {
        while (symbol is IMethodSymbol { MethodKind: MethodKind.LambdaMethod or MethodKind.LocalFunction }) symbol = symbol.ContainingSymbol;
        return symbol;
    }

    /// <summary>"ShimRuntime.Runtime.Sandboxes" is of the project Runtime.</summary>
    private static string Project(INamedTypeSymbol type) => type.ContainingNamespace.ToDisplayString().Split('.').ElementAtOrDefault(1) ?? "";

    private static string TypeName(INamedTypeSymbol type) => type.ContainingType is { } outer ? $"{TypeName(outer)}.{type.Name}" : type.Name;

    private static string MemberName(ISymbol member) => member switch
    {
        IMethodSymbol { AssociatedSymbol: { } property } => property.Name,
        IMethodSymbol { MethodKind: MethodKind.Constructor or MethodKind.StaticConstructor } => "new",
        _ => member.Name[(member.Name.LastIndexOf('.') + 1)..],
    };

    private static string Declare(IParameterSymbol parameter) =>
        $"{Modifier(parameter.RefKind)}{parameter.Type.ToDisplayString(Qualified.WithMiscellaneousOptions(
            Qualified.MiscellaneousOptions | SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier))} @{parameter.Name}";

    private static string Modifier(RefKind kind) => kind switch
    {
        RefKind.Ref => "ref ",
        RefKind.Out => "out ",
        RefKind.In or RefKind.RefReadOnlyParameter => "in ",
        _ => "",
    };
}
