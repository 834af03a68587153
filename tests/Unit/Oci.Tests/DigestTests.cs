using System.Security.Cryptography;
using Xunit;

namespace ShimRuntime.Oci.Tests;

public class DigestTests
{
    private static readonly string Hex = new('a', 64);

    [Fact]
    public void A_sha256_digest_is_read_and_written_as_it_was() => Assert.Equal($"sha256:{Hex}", Digest.Parse($"sha256:{Hex}").ToString());

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("sha256:")]
    [InlineData("sha256:aaaa")]
    [InlineData("sha512:aaaa")]
    [InlineData("SHA256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("sha256:../../../../../../../../../../../../../../../../../../../../../..")]
    public void Anything_else_is_none(string? text) => Assert.False(Digest.TryParse(text, out _));

    [Fact]
    public void A_hash_becomes_its_lower_case_hex()
    {
        var digest = Digest.FromHash(SHA256.HashData([]));
        Assert.Equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", digest.Hex);
    }
}
