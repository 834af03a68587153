using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ShimRuntime.Shim.Session.Remote;

/// <summary>
/// How an exec or attach went, as the error stream tells it. From v4 on a Kubernetes Status object as JSON (meta/v1), word by word as
/// kubelet's server writes it, because clients read the exit code out of it; before, plain text, and nothing for a success.
/// </summary>
internal static class StatusText
{
    public static byte[] Success(ProtocolVersion version) =>
        version.HasJsonStatus ? """{"metadata":{},"status":"Success"}"""u8.ToArray() : [];

    public static byte[] Exited(ProtocolVersion version, int code)
    {
        if (code == 0) return Success(version);
        var message = string.Create(CultureInfo.InvariantCulture, $"command terminated with non-zero exit code: exit status {code}");
        return version.HasJsonStatus
            ? Json(message, "NonZeroExitCode", ("ExitCode", code.ToString(CultureInfo.InvariantCulture)), 0) : Encoding.UTF8.GetBytes(message);
    }

    /// <param name="message">Such as "error executing command in container: …".</param>
    public static byte[] Failed(ProtocolVersion version, string message)
    {
        var whole = $"Internal error occurred: {message}";
        return version.HasJsonStatus ? Json(whole, "InternalError", (null, message), 500) : Encoding.UTF8.GetBytes(whole);
    }

    private static byte[] Json(string message, string reason, (string? Reason, string Message) cause, int code)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteEndObject();
            json.WriteString("status", "Failure");
            json.WriteString("message", message);
            json.WriteString("reason", reason);
            json.WriteStartObject("details");
            json.WriteStartArray("causes");
            json.WriteStartObject();
            if (cause.Reason is not null) json.WriteString("reason", cause.Reason);
            json.WriteString("message", cause.Message);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
            if (code != 0) json.WriteNumber("code", code);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
