using System.Text;
using Google.Protobuf.Reflection;
using ShimRuntime.Cri.V1;
using Xunit;

namespace ShimRuntime.Architecture.Tests;

/// <summary>
/// The CRI's wire shape, pinned: every rpc, message, field with its number and type, and enum value. A change of cri-v1.golden is a
/// change of the protocol with kubelet, and has to come from Kubernetes. Written anew by UPDATE_GOLDEN=1.
/// </summary>
public sealed class CriWireTests
{
    private const string Golden = "tests/Architecture/cri-v1.golden";

    [Fact]
    public void The_wire_shape_is_as_pinned()
    {
        var actual = Describe(RuntimeService.Descriptor.File);
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1") File.WriteAllText(Path.Combine(Repository.Root, Golden), actual);
        Assert.Equal(Repository.Read(Golden), actual);
    }

    [Fact]
    public void The_package_is_kubelets() => Assert.Equal("runtime.v1", RuntimeService.Descriptor.File.Package);

    private static string Describe(FileDescriptor file)
    {
        var text = new StringBuilder();
        foreach (var service in file.Services.OrderBy(s => s.Name, StringComparer.Ordinal))
        {
            foreach (var rpc in service.Methods)
            {
                var stream = rpc.IsServerStreaming ? "stream " : "";
                text.Append($"rpc {service.Name}.{rpc.Name} {rpc.InputType.Name} -> {stream}{rpc.OutputType.Name}\n");
            }
        }

        foreach (var message in file.MessageTypes.OrderBy(m => m.Name, StringComparer.Ordinal)) Describe(message, message.Name, text);
        foreach (var type in file.EnumTypes.OrderBy(e => e.Name, StringComparer.Ordinal)) Describe(type, type.Name, text);
        return text.ToString();
    }

    private static void Describe(MessageDescriptor message, string name, StringBuilder text)
    {
        foreach (var field in message.Fields.InFieldNumberOrder())
        {
            text.Append($"{name}.{field.Name} = {field.FieldNumber} {(field.IsRepeated ? "repeated " : "")}{Type(field)}\n");
        }

        if (message.Fields.InFieldNumberOrder().Count == 0) text.Append($"{name} (empty)\n");
        foreach (var nested in message.NestedTypes) Describe(nested, $"{name}.{nested.Name}", text);
        foreach (var type in message.EnumTypes) Describe(type, $"{name}.{type.Name}", text);
    }

    private static void Describe(EnumDescriptor type, string name, StringBuilder text)
    {
        foreach (var value in type.Values) text.Append($"enum {name}.{value.Name} = {value.Number}\n");
    }

    private static string Type(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => field.MessageType.Name,
        FieldType.Enum => field.EnumType.Name,
        _ => field.FieldType.ToString().ToLowerInvariant(),
    };
}
