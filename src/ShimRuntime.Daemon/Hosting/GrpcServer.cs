using Microsoft.AspNetCore.Server.Kestrel.Core;
using ShimRuntime.Daemon.Services;

namespace ShimRuntime.Daemon.Hosting;

/// <summary>
/// Kestrel with gRPC on a socket that it does not own. Built from the empty builder: no configuration files and so no inotify watch,
/// no console lifetime, no TLS, no second logger.
/// </summary>
internal static class GrpcServer
{
    public static readonly TimeSpan DrainDeadline = TimeSpan.FromSeconds(5);

    /// <summary>kubelet's limit for one message, both ways.</summary>
    private const int MessageBytes = 16 * 1024 * 1024;

    /// <summary>Calls at once on one connection: kubelet has one, and a call of it may wait minutes for a container to stop.</summary>
    private const int StreamsPerConnection = 4096;

    public static WebApplication Build(ListeningSocket socket, ServiceGate gate, ILoggerFactory logs)
    {
        var options = new WebApplicationOptions { ApplicationName = "shimruntimed", ContentRootPath = "/" };
        var builder = WebApplication.CreateEmptyBuilder(options);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, socket));
        builder.Services.AddSingleton(logs);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(gate);
        builder.Services.AddSingleton<CriRuntimeService>().AddSingleton<CriImageService>().AddSingleton<OperatorService>();
        builder.Services.AddSingleton<HotSwapService>();
        builder.Services.AddSingleton<FaultInterceptor>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = DrainDeadline);
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

    private static void Configure(KestrelServerOptions kestrel, ListeningSocket socket)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null; // an import streams; each message has its own limit
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromDays(365); // kubelet's idle connection stays
        kestrel.Limits.Http2.MaxStreamsPerConnection = StreamsPerConnection;
        kestrel.ListenHandle(socket.Handle, endpoint => endpoint.Protocols = HttpProtocols.Http2);
    }
}
