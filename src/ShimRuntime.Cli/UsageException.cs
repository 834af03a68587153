namespace ShimRuntime.Cli;

/// <summary>The command line asks for something that cannot be: printed without a stack, exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
