using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace ShimRuntime.Cli;

/// <summary>The library's help, then the command's examples.</summary>
internal sealed class ExampleHelp(HelpAction help, IReadOnlyList<string> rootExamples) : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        var result = help.Invoke(parseResult);
        var examples = parseResult.CommandResult.Command is DescribedCommand described ? described.Examples : rootExamples;
        if (parseResult.CommandResult.Command is not (DescribedCommand or RootCommand) || examples.Count == 0) return result;
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (var example in examples) output.WriteLine($"  {example}");
        output.WriteLine();
        return result;
    }
}
