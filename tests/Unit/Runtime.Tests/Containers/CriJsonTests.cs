using System.Buffers;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using ShimRuntime.Cri.V1;
using ShimRuntime.Runtime.Containers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public class CriJsonTests
{
    [Fact]
    public void A_config_is_as_Go_writes_it()
    {
        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = "web", Attempt = 2 },
            Command = { "sh", "-c" },
            Envs = { new KeyValue { Key = "A", Value = ByteString.CopyFrom(1, 255) } },
            Labels = { ["a"] = "b" },
            Tty = true,
            StopSignal = Signal.Sigint,
            Linux = new LinuxContainerConfig { Resources = new LinuxContainerResources { MemoryLimitInBytes = 1L << 40, CpuQuota = -1 } },
        };
        Assert.Equal(
            """
            {"metadata":{"name":"web","attempt":2},"command":["sh","-c"],"envs":[{"key":"A","value":"Af8="}],"labels":{"a":"b"},"tty":true,
            "linux":{"resources":{"cpu_quota":-1,"memory_limit_in_bytes":1099511627776}},"stop_signal":10}
            """.ReplaceLineEndings(""),
            Json(config));
    }

    [Fact]
    public void What_is_unset_is_left_out() => Assert.Equal("{}", Json(new ContainerConfig()));

    private static string Json(IMessage message)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer)) CriJson.Write(json, message);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
