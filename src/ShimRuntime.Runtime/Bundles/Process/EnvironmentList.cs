using System.Text;
using ShimRuntime.Cri.V1;
using ShimRuntime.Oci;

namespace ShimRuntime.Runtime.Bundles;

/// <summary>
/// The environment: PATH and HOSTNAME by default, TERM with a terminal, then the image's, then the request's; the later wins, and a
/// variable stays where it first stood.
/// </summary>
internal static class EnvironmentList
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const int MaxStringBytes = 131_071; // MAX_ARG_STRLEN less the terminator, execve(2)
    private static readonly UTF8Encoding Strict = new(false, true);

    public static IReadOnlyList<string> Build(ContainerConfig config, ImageConfig image, string hostname)
    {
        var variables = new OrderedDictionary<string, string> { ["PATH"] = DefaultPath };
        if (config.Tty) variables["TERM"] = "xterm";
        if (hostname.Length > 0) variables["HOSTNAME"] = hostname;
        AddImage(variables, image.Env ?? []);
        AddRequest(variables, config.Envs);
        return variables.Select(v => $"{v.Key}={v.Value}").ToList();
    }

    private static void AddImage(OrderedDictionary<string, string> variables, IReadOnlyList<string> env)
    {
        for (var i = 0; i < env.Count; i++)
        {
            var field = $"image Env[{i}]";
            if (env[i].Contains('\0')) throw Refusal.Invalid(field, "contains a NUL byte");
            var equals = env[i].IndexOf('=', StringComparison.Ordinal);
            // A name without a value takes the variable away, as with Docker and containerd.
            if (equals < 0) variables.Remove(env[i]);
            else if (equals > 0) Set(variables, env[i][..equals], env[i][(equals + 1)..], field);
        }
    }

    private static void AddRequest(OrderedDictionary<string, string> variables, IReadOnlyList<KeyValue> env)
    {
        for (var i = 0; i < env.Count; i++)
        {
            var key = env[i].Key;
            if (key.Length == 0) throw Refusal.Invalid($"envs[{i}].key", "is empty");
            if (key.Contains('=')) throw Refusal.Invalid($"envs[{i}].key", $"'{ContainerPath.Show(key)}' contains '='");
            if (key.Contains('\0')) throw Refusal.Invalid($"envs[{i}].key", "contains a NUL byte");
            Set(variables, key, Decode(env[i], i), $"envs[{i}]");
        }
    }

    /// <summary>
    /// config.json is JSON and holds text; runc would silently put U+FFFD for every other byte, so what is not UTF-8 is refused.
    /// </summary>
    private static string Decode(KeyValue variable, int index)
    {
        var field = $"envs[{index}].value";
        if (variable.Value.Span.Contains((byte)0)) throw Refusal.Invalid(field, $"of '{variable.Key}' contains a NUL byte");
        try
        {
            return Strict.GetString(variable.Value.Span);
        }
        catch (DecoderFallbackException)
        {
            throw Refusal.Invalid(
                field, $"of '{ContainerPath.Show(variable.Key)}' is not UTF-8, which a runtime-spec document can't carry; encode it, for instance as base64");
        }
    }

    private static void Set(OrderedDictionary<string, string> variables, string key, string value, string field)
    {
        if (Encoding.UTF8.GetByteCount(key) + 1 + Encoding.UTF8.GetByteCount(value) > MaxStringBytes)
        {
            throw Refusal.Invalid(field, $"is longer than {MaxStringBytes} bytes");
        }

        variables[key] = value;
    }
}
