using System.Text.Json;

namespace ShimRuntime.Shim.Runc;

/// <summary>What runc writes with <c>--log-format json</c>: one object a line with level, msg, time.</summary>
internal static class RuncLog
{
    private const int MaxMessageChars = 2048;

    /// <summary>msg of the last line of level error or fatal; null when there is none.</summary>
    public static string? LastError(string path) => LogTail.Read(path) is { } tail ? LastError(tail.AsSpan()) : null;

    /// <inheritdoc cref="LastError(string)"/>
    public static string? LastError(ReadOnlySpan<byte> text)
    {
        string? last = null;
        foreach (var range in text.Split((byte)'\n')) last = ErrorIn(text[range]) ?? last;
        return last;
    }

    private static string? ErrorIn(ReadOnlySpan<byte> line)
    {
        string? level = null, message = null;
        try
        {
            var json = new Utf8JsonReader(line);
            while (json.Read())
            {
                if (json.TokenType != JsonTokenType.PropertyName) continue;
                var isLevel = json.ValueTextEquals("level"u8);
                var isMessage = json.ValueTextEquals("msg"u8);
                json.Read();
                if (json.TokenType != JsonTokenType.String) continue;
                if (isLevel) level = json.GetString();
                if (isMessage) message = json.GetString();
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null; // cut by our window, or written by something else
        }

        if (level is not ("error" or "fatal") || message is null) return null;
        return message.Length <= MaxMessageChars ? message : message[..MaxMessageChars];
    }
}
