using System.Text.Encodings.Web;
using System.Text.Json;
using Google.Protobuf;
using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;
using ShimRuntime.Runtime.Bundles;
using ShimRuntime.Runtime.Cdi;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>One pair of runtime-spec/golden: what came in by CRI, and the config.json that must come out of it.</summary>
internal sealed class GoldenCase(string name)
{
    private const string ContainerId = "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0";
    private const string RootfsPath = "/run/shimruntime/c/c0c0c0c0c0c0c0c0/rootfs";
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(false));
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public string RequestPath => Path.Combine(Directory, name + ".request.json");

    public string ConfigPath => Path.Combine(Directory, name + ".config.json");

    public static string Directory => Path.Combine(RepositoryRoot, "runtime-spec", "golden");

    public static string RepositoryRoot { get; } = FindRoot();

    public static IEnumerable<string> Names() => System.IO.Directory.EnumerateFiles(Directory, "*.request.json")
        .Select(f => Path.GetFileName(f)[..^".request.json".Length])
        .Order(StringComparer.Ordinal);

    /// <summary>config.json, indented for readers.</summary>
    public string Build()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(RequestPath));
        using var rootfs = new TestRootfs();
        var request = json.RootElement;
        foreach (var file in Members(request, "rootfs")) rootfs.Write(file.Name, file.Value.GetString()!);
        var pod = request.TryGetProperty("pod", out var given) ? Parser.Parse<PodSandboxConfig>(given.GetRawText()) : TestSandbox.DefaultPod();
        var config = Parser.Parse<ContainerConfig>(request.GetProperty("container").GetRawText());
        var builder = new SpecBuilder(FakeHost.Read(request.TryGetProperty("host", out var host) ? host : null));
        var bundle = builder.Build(new BundleRequest
        {
            ContainerId = ContainerId,
            Generation = 1,
            Config = config,
            Sandbox = TestSandbox.Of(pod),
            Image = JsonSerializer.Deserialize<ImageConfig>(request.GetProperty("image"))!,
            RootfsPath = rootfs.Path,
            LeafCgroup = $"/kubepods/pod1/{ContainerId}/g1-{ContainerId}",
            VolumesDirectory = $"/var/lib/shimruntime/containers/{ContainerId}/volumes",
            StagedVolumesDirectory = $"/run/shimruntime/c/{ContainerId[..16]}/volumes",
            ImageMounts = Enumerable.Range(0, config.Mounts.Count)
                .Where(i => config.Mounts[i].Image is not null)
                .ToDictionary(i => i, i => $"/run/shimruntime/c/c0c0c0c0c0c0c0c0/mounts/image{i}"),
            Cdi = Cdi(request, config),
            Handler = new HandlerFeatures { RecursiveReadOnlyMounts = true },
            TargetPid = request.TryGetProperty("targetPid", out var pid) ? pid.GetInt32() : 0,
        });
        return Indent(RuntimeJson.Serialize(bundle.Spec with { Root = bundle.Spec.Root with { Path = RootfsPath } }));
    }

    /// <summary>The "cdi" member: spec files by path.</summary>
    private static IReadOnlyList<CdiEdits> Cdi(JsonElement request, ContainerConfig config)
    {
        var catalog = new CdiCatalog();
        foreach (var file in Members(request, "cdi")) catalog.Add(CdiSpecReader.Read(file.Name, System.Text.Encoding.UTF8.GetBytes(file.Value.GetRawText())));
        return catalog.Resolve(CdiNames.Asked(config), out var failure) ?? throw new InvalidDataException(failure);
    }

    private static string Indent(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        return JsonSerializer.Serialize(document.RootElement, Readable) + "\n";
    }

    private static IEnumerable<JsonProperty> Members(JsonElement element, string name) =>
        element.TryGetProperty(name, out var found) ? found.EnumerateObject() : [];

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "ShimRuntime.sln"))) directory = Path.GetDirectoryName(directory)!;
        return directory;
    }
}
