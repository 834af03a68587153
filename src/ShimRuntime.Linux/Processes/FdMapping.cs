namespace ShimRuntime.Linux;

/// <summary>Gives the child <paramref name="Source"/> (ours) as its fd <paramref name="Target"/>.</summary>
public readonly record struct FdMapping(int Source, int Target)
{
    /// <summary>Closes our copies once the child has its own, and forgets them: ours would keep a pipe from ending.</summary>
    public static void CloseSources(List<FdMapping> mappings)
    {
        foreach (var mapping in mappings)
        {
            var fd = mapping.Source;
            FileDescriptor.Close(ref fd);
        }

        mappings.Clear();
    }
}
