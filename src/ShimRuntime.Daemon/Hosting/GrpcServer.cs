using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using ShimRuntime.Daemon.Services;
using ShimRuntime.Daemon.Upgrades;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// Kestrel with gRPC on a socket that it does not own. Built from the empty builder: no configuration files and so no inotify watch,
/// no console lifetime, no TLS, no second logger.
/// </summary>
internal static class GrpcServer
{
    public static readonly TimeSpan DrainDeadline = TimeSpan.FromSeconds(5);

    /// <summary>Clients wait that long for the next daemon: what takes longer than this is begun anew there.</summary>
    public static readonly TimeSpan HandoverDeadline = TimeSpan.FromSeconds(1.5);

    /// <summary>For the answers of calls that were cut.</summary>
    public static readonly TimeSpan LastWord = TimeSpan.FromSeconds(0.5);

    private static readonly TimeSpan HandshakeTime = TimeSpan.FromMilliseconds(100);

    /// <summary>kubelet's limit for one message, both ways.</summary>
    private const int MessageBytes = 16 * 1024 * 1024;

    /// <summary>Calls at once on one connection: kubelet has one, and a call of it may wait minutes for a container to stop.</summary>
    private const int StreamsPerConnection = 4096;

    public static WebApplication Build(ListeningSocket socket, ServiceGate gate, UpgradeDesk desk, ILoggerFactory logs)
    {
        var options = new WebApplicationOptions { ApplicationName = "shimruntimed", ContentRootPath = "/" };
        var builder = WebApplication.CreateEmptyBuilder(options);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, socket));
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton<AcceptGate>().AddSingleton<IConnectionListenerFactory>(services => services.GetRequiredService<AcceptGate>());
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(gate).AddSingleton(desk);
        builder.Services.AddSingleton<CriRuntimeService>().AddSingleton<CriImageService>().AddSingleton<OperatorService>();
        builder.Services.AddSingleton<HotSwapService>();
        builder.Services.AddSingleton<FaultInterceptor>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = DrainDeadline + LastWord);
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = MessageBytes;
            grpc.MaxSendMessageSize = MessageBytes;
            grpc.Interceptors.Add<FaultInterceptor>();
        });
        var app = builder.Build();
        gate.Ending = app.Lifetime.ApplicationStopping;
        app.UseRouting();
        app.MapGrpcService<CriRuntimeService>();
        app.MapGrpcService<CriImageService>();
        app.MapGrpcService<OperatorService>();
        app.MapGrpcService<HotSwapService>();
        return app;
    }

    /// <summary>Accepts no more, and lets those who have just come in finish their handshake.</summary>
    public static async Task CloseAsync(WebApplication server)
    {
        await server.Services.GetRequiredService<AcceptGate>().CloseAsync();
        await Task.Delay(HandshakeTime);
    }

    private static void Configure(KestrelServerOptions kestrel, ListeningSocket socket)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null; // an import streams; each message has its own limit
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromDays(365); // kubelet's idle connection stays
        kestrel.Limits.Http2.MaxStreamsPerConnection = StreamsPerConnection;
        kestrel.ListenHandle(socket.Handle, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http2;
            endpoint.Use(PoliteClose.Around);
        });
    }
}
