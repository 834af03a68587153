using System.Text.Json;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Swap;

/// <summary>swap.json: what a shim has journaled of its container's swaps.</summary>
internal static class SwapFile
{
    /// <summary>Null: the container was never swapped in this boot, or the file is torn.</summary>
    public static SwapRecord? TryRead(string path)
    {
        try
        {
            return SwapRecord.Parse(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidDataException)
        {
            return null;
        }
    }
}
