using Microsoft.Extensions.Logging.Abstractions;
using ShimRuntime.Images.Tests.Support;
using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Pulling;

/// <summary>The whole room against a registry that others wrote.</summary>
public sealed class DebianRegistryTests : IDisposable
{
    private readonly TempDirectory _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public async Task PullsByTagAndByDigest()
    {
        using var registry = new DebianRegistry();
        var image = new TestImage("debian", "amd64", 3_000_000, Packing.Gzip, Packing.Zstd, Packing.Plain);
        await registry.PushAsync(image, "team/app", "v1");
        await using var room = await OpenAsync();
        var record = await PullAsync(room, $"{registry.Host}/team/app:v1");
        Assert.Equal(image.Id, record.Id);
        Assert.Equal(record.Id, (await PullAsync(room, $"{registry.Host}/team/app@{image.ManifestDigest}")).Id);
        var snapshot = await room.Snapshots.PrepareAsync("c", record, TestContext.Deadline());
        Assert.All(new[] { 2, 1, 0 }, layer =>
            Assert.Equal(3_000_000, new FileInfo(Path.Combine(snapshot.LowerDirs[2 - layer], $"debian-{layer}")).Length));
        var fault = await Assert.ThrowsAsync<RuntimeFault>(() => PullAsync(room, $"{registry.Host}/team/app:none"));
        Assert.Equal(FaultCode.NotFound, fault.Code);
    }

    [Fact]
    public async Task AsksForThePasswordThatItsFileHas()
    {
        using var registry = new DebianRegistry("user:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a", "dXNlcjpzZWNyZXQ=");
        var image = new TestImage("private", Packing.Gzip);
        await registry.PushAsync(image, "app", "v1");
        await using var room = await OpenAsync();
        var reference = $"{registry.Host}/app:v1";
        foreach (var credentials in new[] { null, new RegistryCredentials("user", "wrong", null, null, null, null) })
            Assert.Equal(
                FaultCode.Unauthenticated, (await Assert.ThrowsAsync<RuntimeFault>(() => PullAsync(room, reference, credentials))).Code);
        var login = new RegistryCredentials(null, null, "dXNlcjpzZWNyZXQ=", registry.Host, null, null);
        Assert.Equal(image.Id, (await PullAsync(room, reference, login)).Id);
    }

    private Task<ImageServices> OpenAsync() =>
        ImageServices.OpenAsync(new ImageOptions { Root = _root.Path }, NullLoggerFactory.Instance, CancellationToken.None);

    private static Task<ImageRecord> PullAsync(ImageServices room, string reference, RegistryCredentials? credentials = null) =>
        room.Images.PullAsync(new PullRequest(reference, credentials), null, TestContext.Deadline());
}
