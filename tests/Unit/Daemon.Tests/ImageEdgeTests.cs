using Google.Protobuf;
using Grpc.Core;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Daemon.Services;
using ShimRuntime.Images;
using ShimRuntime.Oci;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class ImageEdgeTests
{
    [Theory]
    [InlineData(null, null, "")]
    [InlineData("", null, "")]
    [InlineData("0", 0L, "")]
    [InlineData("1000:1000", 1000L, "")]
    [InlineData("nobody:nogroup", null, "nobody")]
    [InlineData("4294967296", null, "4294967296")]
    public void The_images_user_is_told_as_kubelet_reads_it(string? user, long? uid, string name)
    {
        var message = ImageMessages.Image(Record(new ImageConfig { User = user }));
        Assert.Equal(uid, message.Uid?.Value);
        Assert.Equal(name, message.Username);
    }

    [Fact]
    public void Verbose_info_has_the_keys_that_node_tools_read()
    {
        var info = System.Text.Json.JsonDocument.Parse(ImageMessages.VerboseInfo(Record(new ImageConfig { Cmd = ["sh"] }))).RootElement;
        Assert.Equal("sha256:" + new string('b', 64), info.GetProperty("chainID").GetString());
        Assert.Equal("sh", info.GetProperty("imageSpec").GetProperty("config").GetProperty("Cmd")[0].GetString());
    }

    [Fact]
    public void No_credentials_are_anonymous_and_empty_fields_are_absent()
    {
        Assert.Null(ImageMessages.Credentials(null));
        Assert.Null(ImageMessages.Credentials(new AuthConfig()));
        Assert.Equal(new RegistryCredentials("u", "p", null, null, null, null), ImageMessages.Credentials(new AuthConfig { Username = "u", Password = "p" }));
    }

    [Fact]
    public async Task An_imports_chunks_are_one_stream()
    {
        var chunks = new Chunks([[1, 2, 3], [], [4], new byte[100_000]]);
        Assert.True(await chunks.MoveNext(default));
        using var whole = new MemoryStream();
        await using (var stream = new ImportStream(chunks)) await stream.CopyToAsync(whole);
        Assert.Equal(100_004, whole.Length);
        Assert.Equal([1, 2, 3, 4, 0], whole.ToArray()[..5]);
    }

    private static ImageRecord Record(ImageConfig config) => new()
    {
        Id = "sha256:" + new string('a', 64), Manifests = [], SizeBytes = 1, ChainIds = [Digest.Parse("sha256:" + new string('b', 64))], Config = config,
    };

    private sealed class Chunks(IReadOnlyList<byte[]> chunks) : IAsyncStreamReader<ImportImageRequest>
    {
        private int _at = -1;

        public ImportImageRequest Current => new() { Chunk = ByteString.CopyFrom(chunks[_at]) };

        public Task<bool> MoveNext(CancellationToken cancellationToken) => Task.FromResult(++_at < chunks.Count);
    }
}
