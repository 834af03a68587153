using System.Globalization;
using System.Text.Json;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Exec or Attach over SPDY: the streams in the order that client-go opens them, and the status that comes last.</summary>
public sealed class RemoteCommand : IAsyncDisposable
{
    public static readonly string[] AllVersions =
        ["v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"];

    private RemoteCommand(SpdyClient client) => Client = client;

    public SpdyClient Client { get; }

    public SpdyClientStream Error { get; private set; } = null!;

    public SpdyClientStream? Stdin { get; private set; }

    public SpdyClientStream Stdout { get; private set; } = null!;

    public SpdyClientStream? Stderr { get; private set; }

    public SpdyClientStream? Resize { get; private set; }

    public static async Task<RemoteCommand> ExecAsync(Container container, ExecOptions options, params string[] command)
    {
        var answer = await container.Pod.Daemon.Runtime.ExecAsync(new ExecRequest
        {
            ContainerId = container.Id, Cmd = { command }, Stdin = options.Stdin, Stdout = true, Stderr = !options.Tty, Tty = options.Tty,
        });
        return await OpenAsync(answer.Url, options);
    }

    public static async Task<RemoteCommand> AttachAsync(Container container, ExecOptions options)
    {
        var answer = await container.Pod.Daemon.Runtime.AttachAsync(new AttachRequest
        {
            ContainerId = container.Id, Stdin = options.Stdin, Stdout = true, Stderr = !options.Tty, Tty = options.Tty,
        });
        return await OpenAsync(answer.Url, options);
    }

    /// <summary>Columns and rows of the client's terminal.</summary>
    public Task ResizeAsync(int columns, int rows) =>
        Resize!.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"{{\"Width\":{columns},\"Height\":{rows}}}\n"));

    /// <summary>Waits for the end and reads the exit code out of the status.</summary>
    public async Task<int> ExitCodeAsync(TimeSpan? patience = null)
    {
        await Error.Ended.WaitAsync(patience ?? Eventually.Patience);
        await Stdout.Ended.WaitAsync(Eventually.Patience);
        using var status = JsonDocument.Parse(Error.Text());
        if (status.RootElement.GetProperty("status").GetString() == "Success") return 0;
        Assert.Equal("NonZeroExitCode", status.RootElement.GetProperty("reason").GetString());
        var cause = status.RootElement.GetProperty("details").GetProperty("causes")[0];
        Assert.Equal("ExitCode", cause.GetProperty("reason").GetString());
        return int.Parse(cause.GetProperty("message").GetString()!, CultureInfo.InvariantCulture);
    }

    public ValueTask DisposeAsync() => Client.DisposeAsync();

    /// <summary>A URL that an Exec or Attach has answered.</summary>
    public static async Task<RemoteCommand> OpenAsync(string url, ExecOptions options)
    {
        var remote = new RemoteCommand(await SpdyClient.ConnectAsync(url, options.Versions));
        remote.Error = await remote.Client.OpenAsync(("streamType", "error"));
        if (options.Stdin) remote.Stdin = await remote.Client.OpenAsync(("streamType", "stdin"));
        remote.Stdout = await remote.Client.OpenAsync(("streamType", "stdout"));
        if (!options.Tty) remote.Stderr = await remote.Client.OpenAsync(("streamType", "stderr"));
        if (options.Tty) remote.Resize = await remote.Client.OpenAsync(("streamType", "resize"));
        if (options.Size is var (columns, rows)) await remote.ResizeAsync(columns, rows);
        return remote;
    }
}

/// <summary>How a test wants its streams.</summary>
public sealed record ExecOptions(bool Stdin = false, bool Tty = false)
{
    public IReadOnlyList<string> Versions { get; init; } = RemoteCommand.AllVersions;

    /// <summary>Sent at once, as a client with a terminal does.</summary>
    public (int Columns, int Rows)? Size { get; init; }
}
