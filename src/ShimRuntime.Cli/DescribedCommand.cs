using System.CommandLine;

namespace ShimRuntime.Cli;

/// <summary>A command whose --help ends in examples of how it is typed.</summary>
internal sealed class DescribedCommand(string name, string description, params string[] examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; } = examples;
}
