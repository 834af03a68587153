using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;

namespace ShimRuntime.Cli.Output;

/// <summary>Answers as indented JSON; the JSON texts in a verbose answer's `info` map become objects.</summary>
internal static class JsonOutput
{
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true).WithIndentation());

    public static void Print(IMessage message) => Console.Out.WriteLine(Formatter.Format(message));

    public static void PrintWithInfo(IMessage message)
    {
        var root = JsonNode.Parse(Formatter.Format(message))!;
        if (root["info"] is JsonObject info)
        {
            foreach (var key in info.Select(p => p.Key).ToArray()) info[key] = TryParse(info[key]!.GetValue<string>());
        }

        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true })) root.WriteTo(writer);
        Console.Out.WriteLine(Encoding.UTF8.GetString(buffer.GetBuffer().AsSpan(0, (int)buffer.Length)));
    }

    private static JsonNode? TryParse(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }
}
