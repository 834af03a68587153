using System.CommandLine;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Cli.Running;

/// <summary>The limits that <c>run</c> and <c>update</c> take alike.</summary>
internal sealed class ResourceOptions
{
    private readonly Option<string?> _memory = new("--memory", "-m") { Description = "Memory limit", HelpName = "BYTES|Ki|Mi|Gi" };
    private readonly Option<string?> _memorySwap = new("--memory-swap")
    {
        Description = "Limit of memory and swap together", HelpName = "BYTES|Ki|Mi|Gi",
    };

    private readonly Option<double> _cpus = new("--cpus") { Description = "CPU limit, in cores", HelpName = "CORES" };
    private readonly Option<long> _shares = new("--cpu-shares") { Description = "CPU weight, 1024 for one core's", HelpName = "NUMBER" };
    private readonly Option<string?> _cpuset = new("--cpuset-cpus") { Description = "CPUs to run on", HelpName = "0-2,4" };
    private readonly Option<string[]> _unified = new("--cgroup-conf", "--unified") { Description = "cgroup v2 file and its value", HelpName = "FILE=VALUE" };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_memory, _memorySwap, _cpus, _shares, _cpuset, _unified]) command.Options.Add(option);
    }

    public LinuxContainerResources Of(ParseResult parsed)
    {
        var resources = RunArguments.Resources(parsed.GetValue(_memory), parsed.GetValue(_cpus));
        if (parsed.GetValue(_memorySwap) is { } swap) resources.MemorySwapLimitInBytes = RunArguments.MemoryBytes(swap, "--memory-swap");
        resources.CpuShares = parsed.GetValue(_shares);
        resources.CpusetCpus = parsed.GetValue(_cpuset) ?? "";
        foreach (var (file, value) in (parsed.GetValue(_unified) ?? []).Select(f => RunArguments.Pair("--cgroup-conf", f)))
            resources.Unified[file] = value;
        return resources;
    }
}
