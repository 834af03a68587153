using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Spoils one field of a request at a time, anywhere in its tree, with what parsers, kernels and disks like least.</summary>
public sealed class RequestMutator(Random random)
{
    private const int Many = 100_000;

    // Absolute paths among them make nothing on the host, should one be taken at its word.
    private static readonly string[] Texts =
    [
        "", "\0", "a\0b", ".", "..", "../..", "a/../../b", "/../..", "/proc/self/fd/7", "/dev/null/x", "\n", "x\ny=z", "-1", "18446744073709551616", "1e9",
        "$(id)", "'; id", "%s%n", "=", ";", "{}", "\u202e\u0007", "\U0001F98A", "a b", new string('x', 300), new string('/', 5000), new string('y', 1 << 20),
    ];

    private static readonly long[] Numbers = [long.MinValue, int.MinValue, -1001, -1, 0, 1, 999, 65536, int.MaxValue, uint.MaxValue, long.MaxValue];

    /// <summary>Changes <paramref name="request"/> and says where and how.</summary>
    public string Spoil(IMessage request)
    {
        var (at, path) = (request, request.Descriptor.Name);
        while (true)
        {
            var fields = at.Descriptor.Fields.InDeclarationOrder();
            if (fields.Count == 0) return $"{path} has nothing to spoil";
            var field = fields[random.Next(fields.Count)];
            path += "." + field.Name;
            if (Below(at, field) is not { } below) return $"{path} {Spoil(at, field)}";
            at = below;
        }
    }

    /// <summary>Every field's name in the tree of a message: what a refusal may call its cause.</summary>
    public static IReadOnlySet<string> FieldNames(MessageDescriptor message)
    {
        var (names, seen) = (new HashSet<string>(), new HashSet<string>());
        Collect(message);
        return names;

        void Collect(MessageDescriptor at)
        {
            if (!seen.Add(at.FullName)) return;
            foreach (var field in at.Fields.InDeclarationOrder())
            {
                names.Add(field.Name);
                if (field.FieldType == FieldType.Message) Collect(field.MessageType);
            }
        }
    }

    /// <summary>Usually one step further down; null: the field itself is to be spoilt.</summary>
    private IMessage? Below(IMessage message, FieldDescriptor field)
    {
        if (field.FieldType != FieldType.Message || field.IsMap || random.Next(6) == 0) return null;
        if (field.IsRepeated)
        {
            var list = (IList)field.Accessor.GetValue(message);
            return list.Count > 0 ? (IMessage)list[random.Next(list.Count)]! : null;
        }

        if (field.Accessor.GetValue(message) is IMessage present) return present;
        var made = field.MessageType.Parser.ParseFrom(ByteString.Empty);
        field.Accessor.SetValue(message, made);
        return made;
    }

    private string Spoil(IMessage message, FieldDescriptor field)
    {
        if (field.IsMap) return SpoilMap((IDictionary)field.Accessor.GetValue(message));
        if (field.IsRepeated) return SpoilList((IList)field.Accessor.GetValue(message), field);
        if (field.FieldType == FieldType.Message)
        {
            field.Accessor.Clear(message);
            return "is taken away";
        }

        var value = Value(field);
        field.Accessor.SetValue(message, value);
        return $"becomes {Show(value)}";
    }

    private string SpoilMap(IDictionary map)
    {
        switch (random.Next(3))
        {
            case 0:
                for (var i = 0; i < Many; i++) map[$"key-{i}"] = "";
                return $"gets {Many} entries";
            case 1:
                map["big"] = new string('z', 10 << 20);
                return "gets 10 MB";
            default:
                var (key, value) = (Text(), Text());
                map[key] = value;
                return $"gets {Show(key)}: {Show(value)}";
        }
    }

    private string SpoilList(IList list, FieldDescriptor field)
    {
        if (random.Next(3) == 0)
        {
            for (var i = 0; i < Many; i++) list.Add(field.FieldType == FieldType.Message ? New(field) : Value(field, small: true));
            return $"gets {Many} entries";
        }

        if (list.Count > 0 && random.Next(2) == 0)
        {
            list.Add(list[0]);
            return "repeats its first entry";
        }

        var value = field.FieldType == FieldType.Message ? New(field) : Value(field);
        list.Add(value);
        return $"gets {Show(value)}";
    }

    private static IMessage New(FieldDescriptor field) => field.MessageType.Parser.ParseFrom(ByteString.Empty);

    private object Value(FieldDescriptor field, bool small = false)
    {
        var number = Numbers[random.Next(Numbers.Length)];
        return field.FieldType switch
        {
            // Without a leading slash: an absolute one would be a cgroup of the machine's.
            FieldType.String when field.Name == "cgroup_parent" => Text().TrimStart('/'),
            FieldType.String => small ? "x" : Text(),
            FieldType.Bytes => small ? ByteString.CopyFromUtf8("x") : ByteString.CopyFrom(0, 0xFF, 0xC0, 0x80, (byte)'\n'),
            FieldType.Bool => true,
            FieldType.Enum => random.Next(2) == 0 ? 99 : -1,
            FieldType.Int32 => unchecked((int)number),
            FieldType.UInt32 => unchecked((uint)number),
            FieldType.Int64 => number,
            FieldType.UInt64 => unchecked((ulong)number),
            FieldType.Double => double.NaN,
            _ => throw new NotSupportedException($"{field.FullName} is {field.FieldType}"),
        };
    }

    private string Text() => Texts[random.Next(Texts.Length)];

    private static string Show(object value) => value is string { Length: > 40 } text ? $"{text.Length} × '{text[0]}'" : $"'{value}'";
}
