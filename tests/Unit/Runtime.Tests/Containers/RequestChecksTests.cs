using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public class RequestChecksTests
{
    public static TheoryData<string, Action<CreateContainerRequest>> Bad => new()
    {
        { "no sandbox", r => r.PodSandboxId = "" },
        { "no config", r => r.Config = null },
        { "no metadata", r => r.Config.Metadata = null },
        { "no name", r => r.Config.Metadata.Name = "" },
        { "long name", r => r.Config.Metadata.Name = new string('x', 257) },
        { "no image", r => r.Config.Image = null },
        { "empty image", r => r.Config.Image.Image = "" },
        { "huge label", r => r.Config.Labels["x"] = new string('x', 2 << 20) },
        { "log outside", r => r.Config.LogPath = "../x" },
        { "shares", r => Resources(r).CpuShares = -1 },
        { "short period", r => Resources(r).CpuPeriod = 999 },
        { "long period", r => Resources(r).CpuPeriod = 1_000_001 },
        { "small quota", r => Resources(r).CpuQuota = 999 },
        { "negative quota", r => Resources(r).CpuQuota = -2 },
        { "memory", r => Resources(r).MemoryLimitInBytes = -2 },
        { "swap below memory", r => (Resources(r).MemoryLimitInBytes, Resources(r).MemorySwapLimitInBytes) = (2 << 20, 1 << 20) },
        { "oom score", r => Resources(r).OomScoreAdj = 1001 },
        { "cpuset", r => Resources(r).CpusetCpus = "0;rm" },
        { "unified path", r => Resources(r).Unified["../memory.max"] = "1" },
        { "unified name", r => Resources(r).Unified["memorymax"] = "1" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Each_is_an_invalid_argument(string what, Action<CreateContainerRequest> spoil)
    {
        var request = TestContainers.Request();
        CreateChecks.Check(request);
        spoil(request);
        var fault = Assert.Throws<RuntimeFault>(() => CreateChecks.Check(request));
        Assert.True(fault.Code == FaultCode.InvalidArgument, what);
        Assert.StartsWith("failed to create container", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_kubelet_sends_passes()
    {
        var request = TestContainers.Request();
        var resources = Resources(request);
        (resources.CpuPeriod, resources.CpuQuota, resources.CpuShares) = (100_000, -1, 2);
        (resources.MemoryLimitInBytes, resources.MemorySwapLimitInBytes, resources.OomScoreAdj) = (64 << 20, 64 << 20, -997);
        (resources.CpusetCpus, resources.CpusetMems) = ("0-1,3", "0");
        resources.Unified["memory.high"] = "max";
        CreateChecks.Check(request);
    }

    [Fact]
    public void An_update_keeps_what_it_does_not_name()
    {
        var before = new ResourcesRecord { CpuShares = 512, MemoryLimitBytes = 1 << 20, CpusetCpus = "0", OomScoreAdj = 5 };
        var after = before.With(new ResourcesRecord { MemoryLimitBytes = 2 << 20 });
        Assert.Equal(before with { MemoryLimitBytes = 2 << 20 }, after);
    }

    [Fact]
    public void Resources_go_to_CRI_and_back_unchanged()
    {
        var asked = new LinuxContainerResources
        {
            CpuPeriod = 1, CpuQuota = 2, CpuShares = 3, MemoryLimitInBytes = 4, OomScoreAdj = 5, CpusetCpus = "6", CpusetMems = "7",
            MemorySwapLimitInBytes = 8, HugepageLimits = { new HugepageLimit { PageSize = "2MB", Limit = 9 } }, Unified = { ["a.b"] = "c" },
        };
        Assert.Equal(asked, ResourcesRecord.From(asked).ToCri());
    }

    private static LinuxContainerResources Resources(CreateContainerRequest request)
    {
        request.Config.Linux ??= new LinuxContainerConfig();
        return request.Config.Linux.Resources ??= new LinuxContainerResources();
    }
}
