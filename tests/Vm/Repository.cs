namespace ShimRuntime.Vm.Tests;

/// <summary>The checkout that these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "ShimRuntime.sln"))) return directory.FullName;
        }

        throw new InvalidOperationException($"ShimRuntime.sln is in no parent of {AppContext.BaseDirectory}");
    }
}
