using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace ShimRuntime.Runtime.Containers;

/// <summary>
/// CRI messages as Go's encoding/json writes them, which node tools read back into the same types: proto names, numbers for enums and
/// 64-bit integers, base64 for bytes, nothing for what is unset. (Protobuf's own JSON has 64-bit integers as strings.)
/// </summary>
public static class CriJson
{
    public static void Write(Utf8JsonWriter json, IMessage message)
    {
        json.WriteStartObject();
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            var value = field.Accessor.GetValue(message);
            if (IsUnset(value)) continue;
            json.WritePropertyName(field.Name);
            WriteField(json, field, value);
        }

        json.WriteEndObject();
    }

    public static JsonNode ToNode(IMessage message)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer)) Write(json, message);
        return JsonNode.Parse(buffer.WrittenSpan)!;
    }

    private static void WriteField(Utf8JsonWriter json, FieldDescriptor field, object value)
    {
        if (field.IsMap)
        {
            json.WriteStartObject();
            foreach (DictionaryEntry entry in (IDictionary)value)
            {
                json.WritePropertyName(Convert.ToString(entry.Key, CultureInfo.InvariantCulture)!);
                WriteValue(json, entry.Value!);
            }

            json.WriteEndObject();
        }
        else if (field.IsRepeated)
        {
            json.WriteStartArray();
            foreach (var item in (IList)value) WriteValue(json, item);
            json.WriteEndArray();
        }
        else
        {
            WriteValue(json, value);
        }
    }

    private static void WriteValue(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case string text:
                json.WriteStringValue(text);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case ByteString bytes:
                json.WriteBase64StringValue(bytes.Span);
                break;
            case double number:
                json.WriteNumberValue(number);
                break;
            case ulong number:
                json.WriteNumberValue(number);
                break;
            case IMessage message:
                Write(json, message);
                break;
            default:
                json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture)); // int, uint, long, enums
                break;
        }
    }

    private static bool IsUnset(object? value) => value switch
    {
        null or "" or false or 0 or 0L or 0U or 0UL or 0D => true,
        ByteString bytes => bytes.IsEmpty,
        ICollection collection => collection.Count == 0,
        Enum member => Convert.ToInt64(member, CultureInfo.InvariantCulture) == 0,
        _ => false,
    };
}
