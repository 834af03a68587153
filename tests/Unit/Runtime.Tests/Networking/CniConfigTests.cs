using System.Text;
using System.Text.Json.Nodes;
using ShimRuntime.Runtime.Networking;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Networking;

public sealed class CniConfigTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cni-conf-").FullName;
    private readonly CniConfigDirectory _conf;

    public CniConfigTests() => _conf = new CniConfigDirectory(_directory);

    public void Dispose() => Directory.Delete(_directory, true);

    [Fact]
    public void The_lexically_first_valid_file_counts_and_bad_ones_say_why()
    {
        Write("00-torn.conflist", "{ \"name\": ");
        Write("05-old.conf", """{"cniVersion":"0.2.0","name":"old","type":"bridge"}""");
        Write("10-good.conflist", List("good"));
        Write("20-later.conflist", List("later"));
        Write("01-ignored.txt", List("ignored"));

        var reading = _conf.Read();
        Assert.Equal("good", reading.Network?.Name);
        Assert.Equal(2, reading.Skipped.Count);
        Assert.Contains("00-torn.conflist: not JSON", reading.Skipped[0], StringComparison.Ordinal);
        Assert.Contains("cniVersion '0.2.0'", reading.Skipped[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Edits_additions_and_removals_count_at_the_next_look()
    {
        Assert.Null(_conf.Read().Network);
        Write("10-net.conflist", List("first"));
        Assert.Equal("first", _conf.Read().Network?.Name);
        Assert.Same(_conf.Read(), _conf.Read());
        Write("10-net.conflist", List("second-name"));
        Assert.Equal("second-name", _conf.Read().Network?.Name);
        File.Delete(Path.Combine(_directory, "10-net.conflist"));
        Assert.Null(_conf.Read().Network);
    }

    [Fact]
    public void A_directory_that_is_not_there_has_no_network() => Assert.Null(new CniConfigDirectory(Path.Combine(_directory, "none")).Read().Network);

    [Fact]
    public void A_single_plugin_file_is_a_list_of_one()
    {
        Write("10.conf", """{"cniVersion":"1.0.0","name":"one","type":"bridge","bridge":"x"}""");
        var plugin = Assert.Single(_conf.Read().Network!.Plugins);
        Assert.Equal("bridge", plugin.Type);
        Assert.Equal("x", (string?)plugin.Config["bridge"]);
    }

    [Fact]
    public void The_greatest_spoken_of_the_offered_versions_is_taken()
    {
        Write("10.conflist", """{"cniVersion":"0.4.0","cniVersions":["0.4.0","1.0.0","9.9.9"],"name":"n","plugins":[{"type":"bridge"}]}""");
        Assert.Equal("1.0.0", _conf.Read().Network!.Version);
    }

    [Theory]
    [InlineData("[]", "not a JSON object")]
    [InlineData("""{"cniVersion":"1.0.0","name":"a/b","plugins":[{"type":"x"}]}""", "name 'a/b'")]
    [InlineData("""{"cniVersion":"1.0.0","plugins":[{"type":"x"}]}""", "name ''")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":[]}""", "no plugins")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n"}""", "no plugins")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"../../bin/sh"}]}""", "not the file name")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":["x"]}""", "no object")]
    [InlineData("""{"cniVersion":"2.0.0","name":"n","plugins":[{"type":"x"}]}""", "cniVersion '2.0.0'")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","name":"m","plugins":[{"type":"x"}]}""", "not JSON")]
    public void What_is_wrong_is_said(string text, string reason)
    {
        var error = Assert.Throws<FormatException>(() => CniConfigParser.Parse("f", Encoding.UTF8.GetBytes(text)));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plugin_gets_name_version_previous_result_and_only_the_capabilities_that_it_declares()
    {
        var network = CniConfigParser.Parse("f", Encoding.UTF8.GetBytes(
            """{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"portmap","capabilities":{"portMappings":true,"bandwidth":false}}]}"""));
        var capabilities = new JsonObject { ["portMappings"] = new JsonArray(), ["bandwidth"] = new JsonObject(), ["dns"] = new JsonObject() };

        var config = CniChain.Derive(network, network.Plugins[0], capabilities, new JsonObject { ["ips"] = new JsonArray() });

        Assert.Equal("""{"portMappings":[]}""", config["runtimeConfig"]!.ToJsonString());
        Assert.Equal("n", (string?)config["name"]);
        Assert.Equal("1.0.0", (string?)config["cniVersion"]);
        Assert.Equal("""{"ips":[]}""", config["prevResult"]!.ToJsonString());
        Assert.Null(network.Plugins[0].Config["prevResult"]);
    }

    [Fact]
    public void What_is_kept_of_a_list_reads_back_the_same()
    {
        var network = CniConfigParser.Parse("f", Encoding.UTF8.GetBytes(List("kept")));
        var again = CniConfigParser.Parse("f", network.ToJson());
        Assert.Equal(network.ToJson().ToJsonString(), again.ToJson().ToJsonString());
    }

    private static string List(string name) => $$"""{"cniVersion":"1.0.0","name":"{{name}}","plugins":[{"type":"bridge"},{"type":"portmap"}]}""";

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_directory, name), content);
}
