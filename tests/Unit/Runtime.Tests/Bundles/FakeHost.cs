using System.Text;
using System.Text.Json;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>A node as a test describes it: everything exists unless it is named missing, and all of it is on one private mount.</summary>
internal sealed class FakeHost : IHostView
{
    private static readonly string[] AllCapabilities = CapabilityNames.All.ToArray();

    public HostFacts Facts { get; set; } = new()
    {
        CgroupVersion = 2,
        Architecture = "amd64",
        Capabilities = AllCapabilities.ToHashSet(),
        Controllers = new HashSet<string> { "cpu", "cpuset", "hugetlb", "io", "memory", "pids" },
        HugepageSizes = new HashSet<string> { "2MB", "1GB" },
    };

    public Dictionary<string, HostPath> Paths { get; } = [];

    public List<HostNode> Nodes { get; } = [];

    public List<MountInfo> Mounts { get; } = [new(1, 0, "8:1", "/", "/", "rw", 0, 0, "ext4", "/dev/sda1", "rw")];

    public HashSet<string> Profiles { get; } = [];

    public Dictionary<string, string> Files { get; } = [];

    public HostPath Resolve(string path) => Paths.TryGetValue(path, out var found) ? found : new HostPath(path, HostPathState.Exists);

    public HostNode? Node(string path) => Nodes.FirstOrDefault(n => n.Path == path)
        ?? (Nodes.Any(n => n.Path.StartsWith(path + "/", StringComparison.Ordinal)) ? new HostNode(path, FileKind.Directory, 0, 0, 0x1ED, 0, 0) : null);

    public IReadOnlyList<HostNode> NodesBelow(string directory) =>
        Nodes.Where(n => n.Path.StartsWith(directory + "/", StringComparison.Ordinal)).ToList();

    public MountInfo? MountHolding(string path) => Mounts
        .Where(m => m.Target == "/" || path == m.Target || path.StartsWith(m.Target + "/", StringComparison.Ordinal))
        .MaxBy(m => m.Target.Length);

    public IReadOnlySet<string> ApparmorProfiles() => Profiles;

    public byte[]? ReadFile(string path, int maxBytes) => Files.TryGetValue(path, out var text) ? Encoding.UTF8.GetBytes(text) : null;

    /// <summary>The "host" member of a golden request.</summary>
    public static FakeHost Read(JsonElement? host)
    {
        var fake = new FakeHost();
        if (host is not { } json) return fake;
        foreach (var member in json.EnumerateObject()) fake.Apply(member.Name, member.Value);
        return fake;
    }

    private void Apply(string name, JsonElement value)
    {
        switch (name)
        {
            case "cgroupVersion": Facts = Facts with { CgroupVersion = value.GetInt32() }; break;
            case "architecture": Facts = Facts with { Architecture = value.GetString()! }; break;
            case "swapLimits": Facts = Facts with { SwapLimits = value.GetBoolean() }; break;
            case "oomScoreAdjFloor": Facts = Facts with { OomScoreAdjFloor = value.GetInt32() }; break;
            case "withoutCapabilities": Facts = Facts with { Capabilities = AllCapabilities.Except(Strings(value)).ToHashSet() }; break;
            case "apparmorProfiles":
                Facts = Facts with { Apparmor = true };
                Profiles.UnionWith(Strings(value));
                break;
            case "missing": foreach (var path in Strings(value)) Paths[path] = new HostPath(path, HostPathState.Missing); break;
            case "links": foreach (var link in value.EnumerateObject()) Paths[link.Name] = new HostPath(link.Value.GetString()!, HostPathState.Exists); break;
            case "sharedMounts": foreach (var path in Strings(value)) Mounts.Add(Mounts[0] with { Target = path, SharedGroup = 1 }); break;
            case "files": foreach (var file in value.EnumerateObject()) Files[file.Name] = file.Value.GetString()!; break;
            case "devices": foreach (var node in value.EnumerateObject()) Nodes.Add(ToNode(node.Name, node.Value.GetString()!)); break;
            default: throw new InvalidDataException($"a golden request's host has no member '{name}'");
        }
    }

    // "c 1:3" or "b 8:0"
    private static HostNode ToNode(string path, string text)
    {
        var numbers = text[2..].Split(':');
        var kind = text[0] == 'b' ? FileKind.BlockDevice : FileKind.CharacterDevice;
        return new HostNode(path, kind, long.Parse(numbers[0]), long.Parse(numbers[1]), 0x1B6, 0, 0);
    }

    private static IEnumerable<string> Strings(JsonElement array) => array.EnumerateArray().Select(e => e.GetString()!);
}
