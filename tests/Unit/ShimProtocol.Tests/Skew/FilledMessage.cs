using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace ShimRuntime.ShimProtocol.Tests.Skew;

/// <summary>A message with every field set, each to a value that follows from its number: the same bytes today and in ten years.</summary>
internal static class FilledMessage
{
    private const int Entries = 2;

    public static IMessage Of(MessageDescriptor type)
    {
        var message = type.Parser.ParseFrom(ByteString.Empty);
        foreach (var field in type.Fields.InFieldNumberOrder())
        {
            // Of a oneof the last wins: one frame then holds one of them.
            if (field.IsMap) AddEntries((IDictionary)field.Accessor.GetValue(message));
            else if (field.IsRepeated) AddElements((IList)field.Accessor.GetValue(message), field);
            else field.Accessor.SetValue(message, Value(field, 0));
        }

        return message;
    }

    private static void AddEntries(IDictionary map)
    {
        for (var i = 0; i < Entries; i++) map[$"key-{i}"] = $"value-{i}";
    }

    private static void AddElements(IList list, FieldDescriptor field)
    {
        for (var i = 0; i < Entries; i++) list.Add(Value(field, i));
    }

    private static object Value(FieldDescriptor field, int index) => field.FieldType switch
    {
        FieldType.Bool => true,
        FieldType.Bytes => ByteString.CopyFromUtf8($"{field.Name}-{index}"),
        FieldType.String => $"{field.Name}-{index}",
        FieldType.Int32 => field.FieldNumber * 1000 + index,
        FieldType.UInt32 => (uint)(field.FieldNumber * 1000 + index),
        FieldType.Int64 => field.FieldNumber * 1_000_000_000L + index,
        FieldType.UInt64 => (ulong)(field.FieldNumber * 1_000_000_000L + index),
        FieldType.Enum => Enum.ToObject(field.EnumType.ClrType, 1),
        FieldType.Message => Of(field.MessageType),
        _ => throw new NotSupportedException($"{field.FullName} is a {field.FieldType}"),
    };
}
