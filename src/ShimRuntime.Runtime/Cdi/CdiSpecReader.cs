using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Cdi;

/// <summary>From a document to a checked spec (SPEC.md, "CDI JSON Specification"). FormatException names the member.</summary>
internal static class CdiSpecReader
{
    private const int MaxDevices = 4096;
    private const long MaxId = uint.MaxValue;
    private static readonly string[] Versions = ["0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"];
    private static readonly string[] Stages = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

    public static CdiSpec Read(string path, ReadOnlyMemory<byte> content)
    {
        var isYaml = path.EndsWith(".yaml", StringComparison.Ordinal);
        var root = CdiMembers.Of(isYaml ? CdiDocument.ReadYaml(content) : CdiDocument.ReadJson(content), "");
        var version = root.RequiredText("cdiVersion");
        if (!Versions.Contains(version)) throw root.Bad("cdiVersion", $"'{version}' is none of {string.Join(", ", Versions)}");
        var kind = root.RequiredText("kind");
        if (!CdiNames.IsKind(kind)) throw root.Bad("kind", $"'{kind}' is not vendor/class");
        root.SkipMap("annotations");
        var devices = ReadDevices(root, path);
        var edits = ReadEdits(root.Map("containerEdits"), path, "containerEdits");
        root.End();
        return new CdiSpec(path, kind, devices, edits);
    }

    private static Dictionary<string, CdiEdits> ReadDevices(CdiMembers root, string path)
    {
        var devices = new Dictionary<string, CdiEdits>(StringComparer.Ordinal);
        foreach (var device in root.Maps("devices"))
        {
            var name = device.RequiredText("name");
            if (!CdiNames.IsDevice(name)) throw device.Bad("name", $"'{name}' is no name of a device");
            device.SkipMap("annotations");
            var edits = ReadEdits(device.Map("containerEdits"), path, $"{device.Path}.containerEdits");
            device.End();
            if (!devices.TryAdd(name, edits)) throw device.Bad("name", $"'{name}' is given twice");
            if (devices.Count > MaxDevices) throw root.Bad("devices", $"has more than {MaxDevices} entries");
        }

        return devices.Count > 0 ? devices : throw root.Bad("devices", "is missing or empty");
    }

    private static CdiEdits ReadEdits(CdiMembers? edits, string path, string place)
    {
        var source = $"'{path}', {place}";
        if (edits is null) return new CdiEdits { Source = source };
        var read = new CdiEdits
        {
            Source = source,
            Env = edits.Texts("env"),
            DeviceNodes = [.. edits.Maps("deviceNodes").Select(ReadNode)],
            Mounts = [.. edits.Maps("mounts").Select(ReadMount)],
            Hooks = [.. edits.Maps("hooks").Select(ReadHook)],
            IntelRdt = edits.Map("intelRdt") is { } rdt ? ReadRdt(rdt) : null,
            AdditionalGids = [.. edits.Numbers("additionalGids", 0, int.MaxValue).Where(g => g != 0).Select(g => (uint)g)],
        };
        if (read.Env.Any(v => v.IndexOf('=', StringComparison.Ordinal) < 1)) throw edits.Bad("env", "has an entry that is not NAME=value");
        edits.End();
        return read;
    }

    private static CdiDeviceNode ReadNode(CdiMembers node)
    {
        var path = AbsolutePath(node, "path") ?? throw node.Bad("path", "is missing");
        var read = new CdiDeviceNode(path, AbsolutePath(node, "hostPath") ?? path, node.Text("type") is { Length: > 0 } type ? type : null)
        {
            Major = node.Number("major", 0, MaxId) ?? 0,
            Minor = node.Number("minor", 0, MaxId) ?? 0,
            FileMode = (uint?)node.Number("fileMode", 0, 0xFFF),
            Permissions = node.Text("permissions") is { Length: > 0 } permissions ? permissions : "rwm",
            Uid = (uint?)node.Number("uid", 0, int.MaxValue),
            Gid = (uint?)node.Number("gid", 0, int.MaxValue),
        };
        if (read.Type is not (null or "b" or "c" or "u" or "p")) throw node.Bad("type", $"'{read.Type}' is none of b, c, u, p");
        if (read.Permissions.Any(c => c is not ('r' or 'w' or 'm'))) throw node.Bad("permissions", $"'{read.Permissions}' is not made of r, w and m");
        node.End();
        return read;
    }

    private static MountSpec ReadMount(CdiMembers mount)
    {
        var target = AbsolutePath(mount, "containerPath") ?? throw mount.Bad("containerPath", "is missing");
        if (target == "/") throw mount.Bad("containerPath", "is '/'");
        var source = mount.RequiredText("hostPath");
        var type = mount.Text("type") is { Length: > 0 } given ? given : "bind";
        var options = mount.Texts("options");
        mount.End();
        if (type.Length > 64 || type.AsSpan().ContainsAnyExcept("abcdefghijklmnopqrstuvwxyz0123456789_.")) throw mount.Bad("type", "is no name of a file system");
        if (type == "bind" && source[0] != '/') throw mount.Bad("hostPath", "is no absolute path");
        // runc binds what says so in its options; a spec may leave it to the type.
        if (type == "bind" && !options.Any(o => o is "bind" or "rbind")) options = [.. options, "bind"];
        return new MountSpec { Destination = target, Type = type, Source = source, Options = options.Count > 0 ? options : null };
    }

    private static CdiHook ReadHook(CdiMembers hook)
    {
        var stage = hook.RequiredText("hookName");
        if (!Stages.Contains(stage)) throw hook.Bad("hookName", $"'{stage}' is none of {string.Join(", ", Stages)}");
        var read = new HookSpec
        {
            Path = AbsolutePath(hook, "path") ?? throw hook.Bad("path", "is missing"),
            Args = hook.Texts("args") is { Count: > 0 } args ? args : null,
            Env = hook.Texts("env") is { Count: > 0 } env ? env : null,
            Timeout = (int?)hook.Number("timeout", 1, 3600),
        };
        hook.End();
        return new CdiHook(stage, read);
    }

    private static IntelRdtSpec ReadRdt(CdiMembers rdt)
    {
        var read = new IntelRdtSpec
        {
            ClosID = rdt.Text("closID"),
            L3CacheSchema = rdt.Text("l3CacheSchema"),
            MemBwSchema = rdt.Text("memBwSchema"),
            EnableCMT = rdt.Truth("enableCMT"),
            EnableMBM = rdt.Truth("enableMBM"),
        };
        // It becomes the name of a directory below resctrl.
        if (read.ClosID is { } id && (id.Length > 255 || id is "" or "." or ".." || id.AsSpan().ContainsAny('/', '\n')))
            throw rdt.Bad("closID", "is no name of a class");
        rdt.End();
        return read;
    }

    private static string? AbsolutePath(CdiMembers members, string name)
    {
        if (members.Text(name) is not { Length: > 0 } path) return null;
        var isPlain = path[0] == '/' && path.Length <= 4095 && !path.Split('/').Contains("..");
        return isPlain ? path : throw members.Bad(name, "is no absolute path without '..'");
    }
}
