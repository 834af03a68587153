using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Win32.SafeHandles;
using ShimRuntime.Linux;

namespace ShimRuntime.Runtime.Networking;

/// <summary>
/// Runs one plugin: configuration on stdin, result on stdout. All three are memory files, so no thread waits on a pipe, output is
/// bounded by the kernel, and a daemon that the plugin leaves behind with our stdout in its hands delays nothing.
/// </summary>
internal sealed class CniPluginRunner(IReadOnlyList<string> binDirectories, TimeSpan timeout, ExitWatcher exits)
{
    private const int MaxOutputBytes = 1 << 20;
    private const int MaxErrorChars = 1024;
    private const int SIGKILL = 9;
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64 };

    /// <summary>The executable; null when no bin directory has it.</summary>
    public string? Find(string type) => binDirectories.Select(d => Path.Combine(d, type)).FirstOrDefault(File.Exists);

    /// <summary>
    /// Returns the JSON object that the plugin printed; null when it printed nothing. Throws Unavailable with the plugin's own sentence
    /// when it fails, DeadlineExceeded when it was killed for taking too long.
    /// </summary>
    public async Task<JsonObject?> RunAsync(CniPlugin plugin, JsonObject config, CniCall call, CancellationToken cancellation)
    {
        var path = Find(plugin.Type) ?? throw RuntimeFault.FailedPrecondition(
            $"CNI plugin '{plugin.Type}' is in none of {string.Join(", ", binDirectories)}; install it there or set --cni-bin-dir");
        using var input = MemoryFile.Sealed("cni-stdin", Bytes(config));
        using var output = MemoryFile.Bounded("cni-stdout", MaxOutputBytes);
        using var errors = MemoryFile.Bounded("cni-stderr", MaxOutputBytes);
        using var process = Start(path, plugin, call, [new(Number(input), 0), new(Number(output), 1), new(Number(errors), 2)]);
        var exit = await ReapAsync(process, plugin, call, cancellation).ConfigureAwait(false);
        var printed = MemoryFile.ReadWritten(output);
        return exit.Code == 0 ? Result(printed, plugin, call) : throw Failure(printed, MemoryFile.ReadWritten(errors), exit, plugin, call);
    }

    private SpawnedProcess Start(string path, CniPlugin plugin, CniCall call, IReadOnlyList<FdMapping> fds)
    {
        try
        {
            return Spawner.Spawn(new SpawnRequest
            {
                Path = path,
                Arguments = [path],
                Environment = call.Environment(binDirectories),
                Fds = fds,
                NewSession = true,
            });
        }
        catch (LinuxException e)
        {
            throw new RuntimeFault(FaultCode.Unavailable, $"{Name(plugin, call)} can't be started: {e.Message}; install it again", e);
        }
    }

    /// <summary>Waits for the end, which deadline or cancellation bring about; the process is always reaped.</summary>
    private async Task<ExitCode> ReapAsync(SpawnedProcess process, CniPlugin plugin, CniCall call, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(timeout);
        try
        {
            return await exits.ReapAsync(process, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The group is the plugin's own session: iptables and IPAM children go with it. The pid is not reaped yet, so it is still its.
            _ = Tmds.Linux.LibC.kill(-process.Pid, SIGKILL);
            _ = process.PidFd.Signal(SIGKILL);
            await exits.ReapAsync(process, CancellationToken.None).ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
            throw new RuntimeFault(FaultCode.DeadlineExceeded, $"{Name(plugin, call)} did not end within {timeout.TotalSeconds:0} s and was killed");
        }
    }

    private static JsonObject? Result(byte[] printed, CniPlugin plugin, CniCall call)
    {
        if (printed.Length == 0) return null;
        return TryParse(printed)
            ?? throw new RuntimeFault(FaultCode.Unavailable, $"{Name(plugin, call)} printed no JSON object: {Excerpt(Encoding.UTF8.GetString(printed))}");
    }

    /// <summary>The error object of CNI SPEC section 5, or else the last words on stderr.</summary>
    private static RuntimeFault Failure(byte[] printed, byte[] errors, ExitCode exit, CniPlugin plugin, CniCall call)
    {
        var error = TryParse(printed);
        var message = Text(error, "msg");
        var details = Text(error, "details");
        var cause = message.Length > 0 ? message : Encoding.UTF8.GetString(errors).Trim();
        if (details.Length > 0 && details != message) cause += $": {details}";
        if (cause.Length == 0) cause = "it said nothing";
        var code = error?["code"] is JsonValue value && value.TryGetValue<int>(out var number) ? $"CNI error {number}" : exit.ToString();
        return new RuntimeFault(FaultCode.Unavailable, $"{Name(plugin, call)} failed: {Excerpt(cause)} ({code})");
    }

    private static string Name(CniPlugin plugin, CniCall call) => $"CNI plugin '{plugin.Type}' ({call.Command})";

    private static string Excerpt(string text)
    {
        var line = new string([.. text.Trim().Select(c => char.IsControl(c) ? ' ' : c)]);
        return line.Length <= MaxErrorChars ? line : line[..MaxErrorChars] + "…";
    }

    private static JsonObject? TryParse(byte[] text)
    {
        try
        {
            return JsonNode.Parse(text, null, Strict) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static byte[] Bytes(JsonObject config)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer)) config.WriteTo(writer);
        return buffer.ToArray();
    }

    private static string Text(JsonObject? node, string key) =>
        node?[key] is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";

    private static int Number(SafeFileHandle handle) => (int)handle.DangerousGetHandle();
}
