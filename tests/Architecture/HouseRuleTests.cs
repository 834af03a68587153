using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace ShimRuntime.Architecture.Tests;

/// <summary>What no file may hold.</summary>
public sealed partial class HouseRuleTests
{
    private const int SatelliteLines = 40;

    [Fact]
    public void Nothing_is_left_to_do() =>
        Violations.None(Lines("src").Concat(Lines("tests")).Where(l => Unfinished().IsMatch(l.Text)).Select(l => l.Place));

    /// <summary>Names that say nothing collect what belongs elsewhere.</summary>
    [Fact]
    public void No_type_has_an_empty_name()
    {
        var types = from file in Repository.Sources("src")
                    from type in CSharpSyntaxTree.ParseText(Repository.Read(file)).GetRoot().DescendantNodes().OfType<BaseTypeDeclarationSyntax>()
                    where EmptyName().IsMatch(type.Identifier.Text)
                    select $"{file}: {type.Identifier.Text}";
        Violations.None(types);
    }

    /// <summary>A world-writable directory is a way in: everything of ours is below root or state.</summary>
    [Fact]
    public void No_path_below_a_shared_temporary_directory()
    {
        var uses = Lines("src").Where(l => l.Text.Contains("\"/" + "tmp", StringComparison.Ordinal) || l.Text.Contains("GetTemp", StringComparison.Ordinal));
        Violations.None(uses.Select(l => l.Place));
    }

    [Fact]
    public void One_public_type_a_file_save_small_satellites()
    {
        var crowded = from file in Repository.Sources("src")
                      where !file.EndsWith("Contracts.cs", StringComparison.Ordinal)
                      let types = PublicTypes(file).OrderByDescending(t => t.Lines).ToList()
                      where types.Count > 1 && types[1].Lines > SatelliteLines
                      select $"{file}: {types[1].Name} has {types[1].Lines} lines; give it a file of its own";
        Violations.None(crowded);
    }

    private static IEnumerable<(string Name, int Lines)> PublicTypes(string file) =>
        from type in CSharpSyntaxTree.ParseText(Repository.Read(file)).GetRoot().DescendantNodes().OfType<TypeDeclarationSyntax>()
        where type.Parent is BaseNamespaceDeclarationSyntax && type.Modifiers.Any(m => m.IsKind(SyntaxKind.PublicKeyword))
        select (type.Identifier.Text, type.ToString().Split('\n').Length);

    private static IEnumerable<(string Place, string Text)> Lines(string tree) =>
        from file in Repository.Sources(tree)
        from line in Repository.Read(file).Split('\n').Select((text, index) => (text, index))
        select ($"{file}:{line.index + 1}: {line.text.Trim()}", line.text);

    [GeneratedRegex("\\b(TO" + "DO|FIX" + "ME|HA" + "CK|X" + "XX)\\b")]
    private static partial Regex Unfinished();

    [GeneratedRegex("(Manager|Helpers?|Utils?|Utilit(y|ies))$")]
    private static partial Regex EmptyName();
}
