using ShimRuntime.Linux;
using Tmds.DBus.Protocol;

namespace ShimRuntime.Runtime.Cgroups;

/// <summary>
/// systemd's manager, org.freedesktop.systemd1(5), over one connection that is made at the first call and again when it broke: the system
/// bus, or systemd's own socket where there is no bus. Units' operations end when systemd's job has.
/// </summary>
internal sealed partial class SystemdBus : IDisposable
{
    private const string UnitExists = "org.freedesktop.systemd1.UnitExists";
    private const string NoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly UnitJobs _jobs = new();

    /// <summary>Starts a transient unit; one that is there already gets the properties that can change.</summary>
    public async Task StartAsync(string unit, IReadOnlyList<UnitProperty> properties, CancellationToken cancellation)
    {
        try
        {
            await RunJobAsync(unit, c => SystemdCalls.StartTransientUnit(c, unit, properties), cancellation).ConfigureAwait(false);
        }
        catch (DBusErrorReplyException e) when (e.ErrorName == UnitExists && SliceName.IsSlice(unit))
        {
            await SetPropertiesAsync(unit, [.. properties.Where(p => !p.IsOfStart)], cancellation).ConfigureAwait(false);
        }
        catch (DBusErrorReplyException e)
        {
            throw RuntimeFault.Internal($"failed to start unit '{unit}': systemd says: {e.ErrorMessage}", e);
        }
    }

    /// <summary>Until the next boot, and over daemon-reload. False: no such unit.</summary>
    public async Task<bool> SetPropertiesAsync(string unit, IReadOnlyList<UnitProperty> properties, CancellationToken cancellation)
    {
        try
        {
            await CallAsync(c => SystemdCalls.SetUnitProperties(c, unit, properties), $"change unit '{unit}'", cancellation)
                .ConfigureAwait(false);
            return true;
        }
        catch (DBusErrorReplyException e) when (e.ErrorName == NoSuchUnit)
        {
            return false;
        }
        catch (DBusErrorReplyException e)
        {
            throw RuntimeFault.Internal($"failed to change unit '{unit}': systemd says: {e.ErrorMessage}", e);
        }
    }

    /// <summary>One that is not there is no error.</summary>
    public async Task StopAsync(string unit, CancellationToken cancellation)
    {
        try
        {
            await RunJobAsync(unit, c => SystemdCalls.StopUnit(c, unit), cancellation).ConfigureAwait(false);
        }
        catch (DBusErrorReplyException e) when (e.ErrorName == NoSuchUnit)
        {
            // Stopped before, by us or by hand, or never started.
        }
        catch (DBusErrorReplyException e)
        {
            throw RuntimeFault.Internal($"failed to stop unit '{unit}': systemd says: {e.ErrorMessage}", e);
        }
    }

    public void Dispose()
    {
        Interlocked.Exchange(ref _connection, null)?.Dispose();
        _connecting.Dispose();
    }

    /// <summary>A bus that goes takes the job's end with it: what is asked for is asked again, and found done or done then.</summary>
    private async Task RunJobAsync(string unit, Func<DBusConnection, Task<string>> call, CancellationToken cancellation)
    {
        using var watch = _jobs.Watch(unit);
        for (var last = false; ; last = true)
        {
            var (connection, job) = await CallAsync(async c => (c, await call(c).ConfigureAwait(false)), $"reach systemd for unit '{unit}'",
                cancellation).ConfigureAwait(false);
            if (await ResultAsync(unit, connection, watch.ResultOf(job), cancellation).ConfigureAwait(false) is { } result)
            {
                if (result == "done") return;
                throw RuntimeFault.Internal($"failed to change unit '{unit}': systemd's job ended as '{result}'; see journalctl -u {unit}");
            }

            Forget(connection);
            if (last) throw new RuntimeFault(FaultCode.Unavailable, $"failed to change unit '{unit}': systemd's bus went away twice; try again");
        }
    }

    /// <summary>Null: the connection broke first.</summary>
    private static async Task<string?> ResultAsync(string unit, DBusConnection connection, Task<string> job, CancellationToken cancellation)
    {
        try
        {
            var first = await Task.WhenAny(job, connection.DisconnectedAsync()).WaitAsync(Patience, cancellation).ConfigureAwait(false);
            return first == job ? await job.ConfigureAwait(false) : null;
        }
        catch (TimeoutException)
        {
            throw new RuntimeFault(FaultCode.DeadlineExceeded,
                $"failed to change unit '{unit}': systemd's job did not end within {Patience.TotalSeconds:0} s; see systemctl list-jobs");
        }
    }
}
