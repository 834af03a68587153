using System.Net;
using System.Text.Json;
using Google.Protobuf;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;
using ShimRuntime.Linux;
using static ShimRuntime.Cri.HotSwap.V1.Readiness.Types;

namespace ShimRuntime.Integration.Tests;

/// <summary>A container that serves and is asked without pause, and a swap of it that is held in one phase until it is let go.</summary>
internal sealed class SwapScene : IAsyncDisposable
{
    private const int Port = 8080;
    private const long MemoryLimit = 64 << 20;
    private readonly DaemonFixture _daemon;
    private readonly RuncGates _gates;
    private readonly string _files;

    private SwapScene(DaemonFixture daemon, Level level, Phase phase)
    {
        (_daemon, Level, Phase) = (daemon, level, phase);
        _gates = new RuncGates(daemon.World);
        _files = Directory.CreateDirectory(Path.Combine(daemon.World.Shared, $"gates-{daemon.NextSerial()}")).FullName;
    }

    public Level Level { get; }

    public Phase Phase { get; }

    public Container Container { get; private set; } = null!;

    public SteadyClient Client { get; private set; } = null!;

    /// <summary>Before anything was swapped.</summary>
    public ContainerStatus Before { get; private set; } = null!;

    public SwapRequest Request { get; private set; } = null!;

    public SwapReader Swap { get; set; } = null!;

    public bool Overlaps => Level is Level.L2 or Level.L3;

    public string RunDirectory => Path.Combine(_daemon.World.State, "c", Container.Id[..16]);

    /// <summary>The server as version g1, on <paramref name="image"/> where one is given.</summary>
    public static async Task<SwapScene> ServeAsync(DaemonFixture daemon, (Level Level, Phase Phase) at, string? image)
    {
        var scene = new SwapScene(daemon, at.Level, at.Phase);
        var mount = await SwapServer.MountAsync();
        var pod = await Pod.RunAsync(daemon, null, $"{at.Level}-{at.Phase}");
        scene.Container = await pod.RunAsync($"exec {SwapServer.Path} $V {Port}", c =>
        {
            mount(c);
            c.Mounts.Add(new Mount { HostPath = scene._files, ContainerPath = "/gates" });
            c.Envs.Add(new KeyValue { Key = "V", Value = ByteString.CopyFromUtf8("g1") });
            c.Envs.Add(new KeyValue { Key = "GATES", Value = ByteString.CopyFromUtf8("/gates") });
            c.Linux.Resources.MemoryLimitInBytes = MemoryLimit;
            if (image is not null) c.Image = new ImageSpec { Image = image };
        });
        await scene.Container.LoggedAsync("g1 binds 1");
        scene.Before = await scene.Container.StatusAsync();
        scene.Client = new SteadyClient(new IPEndPoint(IPAddress.Parse(await pod.IpAsync()), Port), 1);
        await scene.Client.SeesAsync("g1");
        return scene;
    }

    /// <summary>Begins the swap to version g2 and returns once it stands in the phase.</summary>
    /// <param name="change">Of the request, which is for a swap that succeeds.</param>
    public async Task BeginAsync(Action<SwapRequest>? change = null)
    {
        Request = To("g2");
        Request.RequestId = "matrix";
        if (Phase == Phase.Create) await _gates.CloseAsync("create", Container, 2);
        if (Phase == Phase.Start) await _gates.CloseAsync("start", Container, 2);
        if (Phase == Phase.Drain || (Phase == Phase.Commit && Overlaps)) Touch("hold-g1");
        if (Phase == Phase.Ready) Touch("wait-g2");
        change?.Invoke(Request);
        Swap = Container.Swap(Request);
        await Swap.EnteredAsync(Phase);
        if (Phase == Phase.Ready) await Eventually.True(() => TryRead("up-g2") is not null, "the new one heeds SIGTERM");
        if (Phase is Phase.Create or Phase.Start) await _gates.ReachedAsync(Phase == Phase.Create ? "create" : "start", Container, 2);
    }

    /// <summary>A swap to <paramref name="version"/>, ready when it accepts, over at once.</summary>
    public SwapRequest To(string version)
    {
        var request = SwapTests.Quick(("V", version));
        (request.Level, request.Drain.TimeoutMilliseconds) = (Level, 40_000);
        request.Ready = new Readiness { Kind = Kind.Tcp, Port = Port, PeriodMilliseconds = 20, TimeoutMilliseconds = 30_000 };
        return request;
    }

    /// <summary>Nothing holds it any more.</summary>
    public void LetGo()
    {
        _gates.Open(Container);
        File.Delete(Path.Combine(_files, "hold-g1"));
        File.Delete(Path.Combine(_files, "wait-g2"));
    }

    /// <summary>A file for the server, in its directory of gates.</summary>
    public void Touch(string name) => File.WriteAllText(Path.Combine(_files, name), "");

    public string? TryRead(string name) => File.Exists(Path.Combine(_files, name)) ? File.ReadAllText(Path.Combine(_files, name)).Trim() : null;

    /// <summary>SIGKILL to what there is of a generation: runc while it makes it, else its init.</summary>
    public async Task KillAsync(uint generation)
    {
        var pid = generation == 2 && Phase == Phase.Create ? await _gates.ReachedAsync("create", Container, 2) : InitOf(generation);
        using var process = SafePidFd.TryOpen(pid) ?? throw new InvalidOperationException($"generation {generation} has ended already");
        process.Signal(9);
    }

    /// <summary>Waits until the shim has seen the end of a generation.</summary>
    public Task SeenToEndAsync(uint generation) => Eventually.True(
        async () => (await GenerationsAsync()).FirstOrDefault(g => g.Number == generation) is { FinishedAtNanos: > 0 }, $"generation {generation} ends");

    public async Task<IReadOnlyList<Generation>> GenerationsAsync() =>
        [.. (await _daemon.Client.HotSwap.ListGenerationsAsync(new ListGenerationsRequest { ContainerId = Container.Id })).Generations];

    /// <summary>Waits for an answer that comes after now.</summary>
    public Task AnswersAsync(string version)
    {
        var seen = Client.Answers.Count;
        return Eventually.True(
            () => Task.FromResult(Client.Answers.Skip(seen).Contains(version)),
            () => $"an answer of {version}; last: {(Client.Answers is [.., var last] ? last : "none")}");
    }

    /// <summary>The current generation as swap.json has it.</summary>
    public int Journaled()
    {
        using var journal = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(RunDirectory, "swap.json")));
        return journal.RootElement.GetProperty("current").GetInt32();
    }

    public ValueTask DisposeAsync()
    {
        LetGo();
        return Client.DisposeAsync();
    }

    private int InitOf(uint generation) =>
        int.Parse(File.ReadAllText(Path.Combine(RunDirectory, $"g{generation}", "init.pid")), System.Globalization.CultureInfo.InvariantCulture);
}
