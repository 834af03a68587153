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
    public void Resources_go_to_CRI_and_back_unchanged()
    {
        var asked = new LinuxContainerResources
        {
            CpuPeriod = 1, CpuQuota = 2, CpuShares = 3, MemoryLimitInBytes = 4, OomScoreAdj = 5, CpusetCpus = "6", CpusetMems = "7",
            MemorySwapLimitInBytes = 8, HugepageLimits = { new HugepageLimit { PageSize = "2MB", Limit = 9 } }, Unified = { ["a.b"] = "c" },
        };
        Assert.Equal(asked, ResourcesRecord.From(asked).ToCri());
    }
}
