using Google.Protobuf;
using ShimRuntime.Cri.V1;
using ShimRuntime.Daemon.Services;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class RequestLimitsTests
{
    public static TheoryData<string, IMessage> TooLarge => new()
    {
        { "PodSandboxConfig.labels['k']", Pod(c => c.Labels["k"] = new string('v', 4096)) },
        { "PodSandboxConfig.annotations", Pod(c => c.Annotations["k"] = new string('v', 1024 * 1024)) },
        { "PodSandboxConfig.port_mappings", Pod(c => c.PortMappings.AddRange(Enumerable.Repeat(new PortMapping(), 4097))) },
        { "ContainerConfig.mounts", Container(c => c.Mounts.AddRange(Enumerable.Repeat(new Mount(), 4097))) },
        { "ContainerConfig.command and args", Container(c => c.Args.Add(new string('a', 2 * 1024 * 1024 + 1))) },
        { "ContainerConfig.envs", Container(c => c.Envs.Add(new KeyValue { Key = "k", Value = ByteString.CopyFrom(new byte[2 * 1024 * 1024]) })) },
        { "ContainerConfig.labels", Container(c => { for (var i = 0; i < 4097; i++) c.Labels[$"{i}"] = ""; }) },
        { "ContainerConfig.labels", Container(c => { for (var i = 0; i < 2600; i++) c.Labels[$"{i}"] = new string('v', 4000); }) },
        { "ExecSyncRequest.cmd", new ExecSyncRequest { Cmd = { new string('a', 2 * 1024 * 1024 + 1) } } },
        { "PullImageRequest.image.image", new PullImageRequest { Image = new ImageSpec { Image = new string('r', 4097) } } },
    };

    [Theory]
    [MemberData(nameof(TooLarge))]
    public void What_is_too_large_is_refused_with_field_and_limit(string field, IMessage request)
    {
        var fault = Assert.Throws<RuntimeFault>(() => RequestLimits.Check(request));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
        Assert.Contains(field, fault.Message, StringComparison.Ordinal);
        Assert.Contains("the limit is", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_Kubernetes_allows_passes()
    {
        RequestLimits.Check(Pod(c =>
        {
            c.Metadata.Name = new string('n', 253);
            c.Annotations["k"] = new string('v', 256 * 1024);
            c.Labels[new string('k', 316)] = new string('v', 63);
        }));
        RequestLimits.Check(Container(c => c.Envs.Add(new KeyValue { Key = "k", Value = ByteString.CopyFrom(new byte[1024 * 1024]) })));
        RequestLimits.Check(new RunPodSandboxRequest());
        RequestLimits.Check(new CreateContainerRequest());
        RequestLimits.Check(new ListContainersRequest());
    }

    private static RunPodSandboxRequest Pod(Action<PodSandboxConfig> change)
    {
        var request = new RunPodSandboxRequest { Config = new PodSandboxConfig { Metadata = new PodSandboxMetadata() } };
        change(request.Config);
        return request;
    }

    private static CreateContainerRequest Container(Action<ContainerConfig> change)
    {
        var request = new CreateContainerRequest { Config = new ContainerConfig { Metadata = new ContainerMetadata() } };
        change(request.Config);
        return request;
    }
}
