using Google.Protobuf.Reflection;
using ShimRuntime.ShimProtocol.V1;
using Xunit;

namespace ShimRuntime.ShimProtocol.Tests.Skew;

/// <summary>Nothing that protocol 1 has may be given another number, type or meaning by ours, nor be taken away while shims of it live.</summary>
public sealed class FrozenDescriptorTests
{
    private static readonly FileDescriptor Frozen = Frozen1.ShimProtocol1Reflection.Descriptor;
    private static readonly FileDescriptor Ours = ShimReflection.Descriptor;

    [Fact]
    public void Every_method_is_there_with_its_messages()
    {
        var ours = Assert.Single(Ours.Services).Methods.ToDictionary(m => m.Name);
        Assert.All(Assert.Single(Frozen.Services).Methods, frozen =>
        {
            var method = ours[frozen.Name];
            Assert.Equal(
                (frozen.InputType.Name, frozen.OutputType.Name, frozen.IsServerStreaming), (method.InputType.Name, method.OutputType.Name, method.IsServerStreaming));
        });
    }

    [Fact]
    public void Every_field_is_there_as_it_was()
    {
        var ours = Messages(Ours.MessageTypes).ToDictionary(m => m.FullName);
        Assert.All(Messages(Frozen.MessageTypes), frozen =>
        {
            var message = ours[frozen.FullName];
            Assert.All(frozen.Fields.InDeclarationOrder(), field =>
            {
                var today = message.FindFieldByNumber(field.FieldNumber);
                Assert.True(today is not null, $"{frozen.Name}.{field.Name} = {field.FieldNumber} is gone");
                Assert.Equal(Shape(field), Shape(today));
            });
        });
    }

    [Fact]
    public void Every_enum_value_is_there_as_it_was()
    {
        var ours = Ours.EnumTypes.ToDictionary(e => e.Name);
        Assert.All(Frozen.EnumTypes, frozen => Assert.All(
            frozen.Values, value => Assert.Equal(value.Name, ours[frozen.Name].FindValueByNumber(value.Number)?.Name)));
    }

    /// <summary>What a daemon asks a shim of protocol 1 is only what that has; all else it knows to be newer.</summary>
    [Fact]
    public void The_daemon_knows_which_methods_are_newer()
    {
        var frozen = Frozen.Services[0].Methods.Select(m => m.Name).ToHashSet();
        Assert.All(Ours.Services[0].Methods, m => Assert.Equal(frozen.Contains(m.Name) ? 1u : 2u, ShimMethods.Since(m.Name)));
    }

    [Fact]
    public void Both_versions_are_spoken_and_no_other()
    {
        Assert.Equal(2u, ShimMethods.ProtocolVersion);
        Assert.Equal([false, true, true, false], new uint[] { 0, 1, 2, 3 }.Select(ShimMethods.IsSpoken));
    }

    private static IEnumerable<MessageDescriptor> Messages(IEnumerable<MessageDescriptor> all) => all.SelectMany(m => Messages(m.NestedTypes).Prepend(m));

    private static string Shape(FieldDescriptor field) =>
        $"{field.Name} {field.FieldType} repeated={field.IsRepeated} oneof={field.RealContainingOneof?.Name} type={TypeName(field)}";

    private static string TypeName(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => field.MessageType.FullName,
        FieldType.Enum => field.EnumType.FullName,
        _ => "",
    };
}
