using System.Text.Json;
using ShimRuntime.ShimProtocol;
using ShimRuntime.ShimProtocol.V1;

namespace ShimRuntime.Runtime.Containers;

/// <summary>A container's end as its shim tells it: by Wait, or by exit.json, which is durable before Wait answers.</summary>
internal static class ExitFile
{
    /// <summary>Null: it is not there, or is torn: then the shim never told anyone.</summary>
    public static ContainerExit? TryRead(string path)
    {
        try
        {
            return From(ExitRecord.Parse(File.ReadAllBytes(path)).ToStatus());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidDataException)
        {
            return null;
        }
    }

    public static ContainerExit From(ExitStatus status) => new()
    {
        Code = status.Code,
        Signal = status.Signal,
        Reason = status.Reason,
        Message = status.Message,
        StartedAtNanos = status.StartedAtNanos,
        FinishedAtNanos = status.FinishedAtNanos,
    };
}
