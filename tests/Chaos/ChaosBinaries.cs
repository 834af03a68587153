using System.Runtime.CompilerServices;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Chaos.Tests;

/// <summary>Makes the fixtures start the binaries with failpoints.</summary>
internal static class ChaosBinaries
{
    [ModuleInitializer]
    internal static void Choose() =>
        Environment.SetEnvironmentVariable("SHIMRUNTIME_BIN", Path.Combine(Installation.RepositoryRoot, "artifacts/chaos/bin"));
}
