using System.Xml.Linq;
using Xunit;

namespace ShimRuntime.Architecture.Tests;

/// <summary>A project may reference those below it, and only those named here: an edge is a decision, not a convenience.</summary>
public sealed class ProjectArrowTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Linux"] = [],
        ["Oci"] = [],
        ["Cri"] = [],
        ["ShimProtocol"] = ["Linux"],
        ["Shim"] = ["ShimProtocol", "Oci", "Linux"],
        ["Images"] = ["Oci", "Linux"],
        ["Runtime"] = ["Images", "ShimProtocol", "Cri", "Oci", "Linux"],
        ["Daemon"] = ["Runtime"],
        ["Cli"] = ["Cri"],
    };

    [Fact]
    public void Every_project_under_src_has_its_place()
    {
        var projects = Repository.Sources("src", ".csproj").Select(Name).ToHashSet();
        Assert.Equal(Allowed.Keys.Order(), projects.Order());
    }

    [Fact]
    public void Arrows_point_only_where_they_may()
    {
        foreach (var project in Repository.Sources("src", ".csproj"))
        {
            var extra = References(project).Except(Allowed[Name(project)]).ToArray();
            Assert.True(extra.Length == 0, $"{project} references {string.Join(", ", extra)}, which is not below it");
        }
    }

    /// <summary>A shim that linked the CRI's messages would cost a megabyte more, in every container.</summary>
    [Fact]
    public void The_shim_never_reaches_the_CRI()
    {
        var reached = new HashSet<string>();
        var next = new Queue<string>(["Shim"]);
        while (next.TryDequeue(out var name))
        {
            if (!reached.Add(name)) continue;
            foreach (var reference in References($"src/ShimRuntime.{name}/ShimRuntime.{name}.csproj")) next.Enqueue(reference);
        }

        Assert.DoesNotContain("Cri", reached);
        Assert.DoesNotContain("Images", reached);
    }

    [Fact]
    public void The_solution_names_every_project()
    {
        var solution = Repository.Read("ShimRuntime.sln").Replace('\\', '/');
        foreach (var project in Repository.Sources("src", ".csproj").Concat(Repository.Sources("tests", ".csproj")))
        {
            Assert.Contains(project, solution, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_package_says_why_it_is_there()
    {
        var document = XDocument.Parse(Repository.Read("Directory.Packages.props"));
        foreach (var package in document.Descendants("PackageVersion"))
        {
            var first = package.NodesBeforeSelf().LastOrDefault(n => n is XComment or XElement { Name.LocalName: not "PackageVersion" });
            Assert.True(first is XComment, $"{package.Attribute("Include")?.Value} has no comment above it");
        }
    }

    private static IEnumerable<string> References(string project) =>
        XDocument.Parse(Repository.Read(project)).Descendants("ProjectReference").Select(r => Name(r.Attribute("Include")!.Value));

    /// <summary>"../ShimRuntime.Linux/ShimRuntime.Linux.csproj" → "Linux".</summary>
    private static string Name(string path) => Path.GetFileNameWithoutExtension(path)["ShimRuntime.".Length..];
}
