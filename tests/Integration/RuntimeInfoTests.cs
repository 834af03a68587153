using System.Text.Json;
using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>Version, Status, RuntimeConfig, UpdateRuntimeConfig, and the calls that are for later.</summary>
public sealed class RuntimeInfoTests(DaemonFixture daemon) : NodeTest(daemon)
{
    [Fact]
    public async Task VersionNamesTheRuntimeAndCriV1()
    {
        var version = await Runtime.VersionAsync(new VersionRequest { Version = "v1" });
        Assert.Equal("0.1.0", version.Version);
        Assert.Equal("shimruntime", version.RuntimeName, ignoreCase: true);
        Assert.Equal("v1", version.RuntimeApiVersion);
        Assert.NotEmpty(version.RuntimeVersion);
    }

    [Fact]
    public async Task StatusIsReadyWithHandlersAndTruthfulFeatures()
    {
        var status = await Runtime.StatusAsync(new StatusRequest { Verbose = true });
        Assert.True(Condition(status, "RuntimeReady").Status);
        Assert.True(Condition(status, "NetworkReady").Status);
        Assert.Contains(status.RuntimeHandlers, h => h.Name.Length == 0);
        // Claimed, or the reason is said; UserNamespaceTests hold the claim to its word.
        var reasons = JsonDocument.Parse(status.Info["runtimeHandlers"]).RootElement;
        Assert.All(status.RuntimeHandlers.Where(h => h.Name.Length > 0), h =>
            Assert.NotEqual(h.Features?.UserNamespaces ?? false, reasons.GetProperty(h.Name).GetProperty("userNamespacesFailure").GetString() is { Length: > 0 }));
        Assert.True(status.Features.SupplementalGroupsPolicy);
        Assert.NotEmpty(status.Info);
        Assert.All(status.Info.Values, v => JsonDocument.Parse(v.StartsWith('{') || v.StartsWith('[') ? v : JsonSerializer.Serialize(v)));
    }

    [Fact]
    public async Task TheNetworkIsNotReadyWithoutAConflistAndReadyAgainWithIt()
    {
        var path = Path.Combine(World.CniConf, "10-test.conflist");
        var conflist = await File.ReadAllTextAsync(path);
        File.Delete(path);
        var down = await Eventually.Value(ReadNetwork, c => !c.Status, "NetworkReady becomes false");
        Assert.NotEmpty(down.Reason);
        Assert.Contains(World.CniConf, down.Message, StringComparison.Ordinal);
        await Faults.ExpectAsync(StatusCode.FailedPrecondition, () => RunPodAsync(), "cni");
        await File.WriteAllTextAsync(path, conflist);
        await Eventually.Value(ReadNetwork, c => c.Status, "NetworkReady becomes true");
        await RunPodAsync();
    }

    [Fact]
    public async Task ATornConflistIsNotReadyAndSaysWhy()
    {
        var path = Path.Combine(World.CniConf, "10-test.conflist");
        var conflist = await File.ReadAllTextAsync(path);
        await File.WriteAllTextAsync(path, conflist[..(conflist.Length / 2)]);
        var down = await Eventually.Value(ReadNetwork, c => !c.Status, "NetworkReady becomes false");
        Assert.Contains("10-test.conflist", down.Message, StringComparison.Ordinal);
        await File.WriteAllTextAsync(path, conflist);
        await Eventually.Value(ReadNetwork, c => c.Status, "NetworkReady becomes true");
    }

    [Fact]
    public async Task RuntimeConfigNamesTheCgroupDriver()
    {
        var config = await Runtime.RuntimeConfigAsync(new RuntimeConfigRequest());
        Assert.Equal(CgroupDriver.Cgroupfs, config.Linux.CgroupDriver);
    }

    [Fact]
    public async Task UpdateRuntimeConfigTakesAPodCidrAndRefusesNonsense()
    {
        await Runtime.UpdateRuntimeConfigAsync(Update("10.0.0.0/24"));
        await Runtime.UpdateRuntimeConfigAsync(Update("10.0.0.0/24,fd00::/64"));
        await RefusedAsync(StatusCode.InvalidArgument, Runtime.UpdateRuntimeConfigAsync(Update("not-a-cidr")), "not-a-cidr");
    }

    private static UpdateRuntimeConfigRequest Update(string cidr) =>
        new() { RuntimeConfig = new RuntimeConfig { NetworkConfig = new NetworkConfig { PodCidr = cidr } } };

    private static RuntimeCondition Condition(StatusResponse status, string type) => status.Status.Conditions.Single(c => c.Type == type);

    private async Task<RuntimeCondition> ReadNetwork() => Condition(await Runtime.StatusAsync(new StatusRequest()), "NetworkReady");
}
