using System.Text.Json;
using Google.Protobuf;
using ShimRuntime.Cri.V1;
using ShimRuntime.Linux;
using ShimRuntime.Oci;

// The three things that break first where reflection is gone: JSON by source generation, protobuf's parsers, P/Invoke with pinned data.
var zeros = new string('0', 64);
var json = "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"m\",\"digest\":\"sha256:" + zeros + "\",\"size\":1}}";
var manifest = JsonSerializer.Deserialize(json, ImageJson.Default.ImageManifest);
if (manifest?.Config?.Size != 1) return Fail("JSON");

var request = VersionRequest.Parser.ParseFrom(new VersionRequest { Version = "v1" }.ToByteArray());
if (request.Version != "v1") return Fail("protobuf");

using var exits = new ExitWatcher();
using var child = Spawner.Spawn(new SpawnRequest { Path = "/bin/sh", Arguments = ["sh", "-c", "exit 7"] });
if ((await exits.ReapAsync(child, CancellationToken.None)).Code != 7) return Fail("spawn and reap");

Console.WriteLine("aot smoke: JSON, protobuf, spawn and reap work; every library compiled whole without a warning");
return 0;

static int Fail(string what)
{
    Console.Error.WriteLine($"aot smoke: {what} does not work");
    return 1;
}
