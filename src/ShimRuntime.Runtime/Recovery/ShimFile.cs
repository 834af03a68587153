using System.Text.Json;
using ShimRuntime.ShimProtocol;

namespace ShimRuntime.Runtime.Recovery;

/// <summary>shim.json: what a shim last said of itself.</summary>
internal static class ShimFile
{
    /// <summary>Null: it is not there, or is torn.</summary>
    public static ShimRecord? TryRead(string path)
    {
        try
        {
            return ShimRecord.Parse(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidDataException)
        {
            return null;
        }
    }
}
