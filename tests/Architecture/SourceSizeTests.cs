using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace ShimRuntime.Architecture.Tests;

/// <summary>The hard stops of size: what is longer can't be read in one sitting. (Lines: 140 is the aim, see .editorconfig.)</summary>
public sealed class SourceSizeTests
{
    private const int FileLines = 400;
    private const int TestFileLines = 600;
    private const int FunctionLines = 80;
    private const int Parameters = 5;
    private const int LineCharacters = 200;

    [Theory]
    [InlineData("src", FileLines)]
    [InlineData("tests", TestFileLines)]
    public void No_file_is_too_long(string tree, int most)
    {
        var files = Repository.Sources(tree).Select(f => (File: f, Lines: Repository.Read(f).AsSpan().Count('\n')));
        Violations.None(files.Where(f => f.Lines > most).Select(f => $"{f.File}: {f.Lines} lines, {most} are the most"));
    }

    [Fact]
    public void No_function_is_too_long() =>
        Violations.None(Functions().Where(f => f.Lines > FunctionLines).Select(f => $"{f.Place}: {f.Lines} lines"));

    [Fact]
    public void No_function_takes_too_many_parameters() =>
        Violations.None(Functions().Where(f => f.Parameters > Parameters).Select(f => $"{f.Place}: {f.Parameters} parameters"));

    [Fact]
    public void No_line_is_too_wide()
    {
        var wide = from file in Repository.Sources("src").Concat(Repository.Sources("tests"))
                   from line in Repository.Read(file).Split('\n').Select((text, index) => (text, index))
                   where line.text.Length > LineCharacters
                   select $"{file}:{line.index + 1}: {line.text.Length} characters, {LineCharacters} are the most";
        Violations.None(wide);
    }

    private static IEnumerable<Function> Functions() => Repository.Sources("src").SelectMany(FunctionsOf);

    private static IEnumerable<Function> FunctionsOf(string file)
    {
        var root = CSharpSyntaxTree.ParseText(Repository.Read(file)).GetRoot();
        foreach (var node in root.DescendantNodes())
        {
            ParameterListSyntax? parameters = node switch
            {
                BaseMethodDeclarationSyntax method => method.ParameterList,
                LocalFunctionStatementSyntax local => local.ParameterList,
                _ => null,
            };
            if (parameters is null) continue;
            var span = node.GetLocation().GetLineSpan();
            var lines = span.EndLinePosition.Line - span.StartLinePosition.Line + 1;
            yield return new Function($"{file}:{span.StartLinePosition.Line + 1}", lines, IsSomebodyElses(node) ? 0 : parameters.Parameters.Count);
        }
    }

    /// <summary>A signature that the kernel, libc or a base class has decided.</summary>
    private static bool IsSomebodyElses(SyntaxNode node) =>
        node is MethodDeclarationSyntax method
        && (method.Modifiers.Any(m => m.IsKind(SyntaxKind.ExternKeyword) || m.IsKind(SyntaxKind.OverrideKeyword))
            || method.AttributeLists.SelectMany(l => l.Attributes).Any(a => a.Name.ToString() is "LibraryImport" or "UnmanagedCallersOnly"));

    private sealed record Function(string Place, int Lines, int Parameters);
}
