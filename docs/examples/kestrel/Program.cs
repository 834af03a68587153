using Microsoft.AspNetCore.Connections;
using ShimRuntime.Examples.Kestrel;

// A server that can be replaced without a lost request: it takes the listeners that it is given, says when it is ready, and on SIGTERM
// accepts no more, answers what it has accepted, and ends.
var version = Environment.GetEnvironmentVariable("VERSION") ?? "g1";
var inherited = SocketActivation.Listeners();
using var drain = new Drain();
var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.Services.AddSingleton<IConnectionListenerFactory, SharedListener.Factory>();
builder.WebHost.ConfigureKestrel(kestrel =>
{
    if (inherited.Count == 0) kestrel.ListenAnyIP(8080, listen => listen.Use(drain.FirstRequestFirst));
    foreach (var listener in inherited) kestrel.ListenHandle((ulong)listener, listen => listen.Use(drain.FirstRequestFirst));
});

var app = builder.Build();
drain.BeginsWith(app.Lifetime.ApplicationStopping);
app.Use(drain.CloseAfterAnswer);
app.Run(async context =>
{
    var body = $"{context.Request.Path} {version}\n";
    context.Response.ContentLength = body.Length;
    await context.Response.WriteAsync(body);
});
app.Lifetime.ApplicationStarted.Register(() => Readiness.Notify());
await app.RunAsync();
