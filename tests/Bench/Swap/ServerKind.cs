using ShimRuntime.Cri.HotSwap.V1;
using static ShimRuntime.Cri.HotSwap.V1.Readiness.Types;

namespace ShimRuntime.Bench.Swap;

/// <summary>A server of docs/examples, and how it is swapped.</summary>
internal sealed record ServerKind(string Server, string Image, Level Level, Readiness Ready)
{
    public const int Port = 8080;
    private const string Kestrel = "shimruntime.local/kestrel:v1";
    private const string Nginx = "shimruntime.local/nginx:v1";

    public string Name => $"{Level} {Server}";

    /// <summary>Of each level once; the three ways to say that one is ready that a server under load has.</summary>
    public static IReadOnlyList<ServerKind> All { get; } =
    [
        new("Kestrel", Kestrel, Level.L1, Accepts),
        new("Kestrel", Kestrel, Level.L2, Says),
        new("nginx", Nginx, Level.L3, Accepts),
    ];

    /// <summary>For a queue that is full: a connection for readiness would be one too many.</summary>
    public Readiness ReadyUnasked => Level == Level.L3 ? Lives : Says;

    private static Readiness Accepts => new() { Kind = Kind.Tcp, Port = Port, PeriodMilliseconds = 20, TimeoutMilliseconds = 30_000 };

    private static Readiness Says => new() { Kind = Kind.Notify, TimeoutMilliseconds = 30_000 };

    private static Readiness Lives => new() { Kind = Kind.Delay, PeriodMilliseconds = 50 };
}
