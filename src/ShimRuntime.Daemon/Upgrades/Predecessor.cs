using System.Text;
using ShimRuntime.Daemon.Checks;
using ShimRuntime.Daemon.Configuration;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Upgrades;

/// <summary>The old daemon, as the new one sees it: see <see cref="Successor"/>, whose other side this is.</summary>
internal sealed class Predecessor : IDisposable
{
    private const int LongestWaitMilliseconds = 60_000; // for the word, after "booted": the old one drains within seconds
    private int _status = Successor.StatusFd;
    private int _go = Successor.GoFd;

    private Predecessor()
    {
        foreach (var fd in (int[])[Successor.CriFd, Successor.StreamsFd, Successor.StatusFd, Successor.GoFd]) FileDescriptor.SetCloseOnExec(fd);
    }

    /// <exception cref="ConfigException">This process was started by hand.</exception>
    public static Predecessor Inherit()
    {
        var inherited = FileDescriptor.IsListeningSocket(Successor.CriFd) && FileDescriptor.IsListeningSocket(Successor.StreamsFd)
            && FileDescriptor.IsPipe(Successor.StatusFd) && FileDescriptor.IsPipe(Successor.GoFd);
        return inherited ? new Predecessor() : throw new ConfigException("is for a daemon that another one starts; run `shimctl upgrade daemon`", Successor.Flag);
    }

    /// <summary>Whether this binary with these settings could serve this machine. Said to the old one when it could not.</summary>
    public async Task<bool> CheckAsync(DaemonConfig config)
    {
        var broken = (await EnvironmentCheck.MachineAsync(config)).Where(r => r.Outcome == CheckOutcome.Broken).ToList();
        if (broken.Count == 0) return true;
        Fail(string.Join("; ", broken.Select(r => $"{r.Subject}: {r.Detail}")));
        return false;
    }

    public void Booted(string version) => Say($"{Successor.Booted}{version}");

    /// <summary>The last word: the old one ends now.</summary>
    public void Ready()
    {
        Say(Successor.ReadyLine);
        Dispose();
    }

    public void Fail(string cause) => Say($"failed: {cause.ReplaceLineEndings(" ")}");

    /// <summary>Waits for the word, or for the old one's death, which is as good: then nobody serves. False: the time is over.</summary>
    public Task<bool> WaitAsync() => Task.Run(() => FileDescriptor.WaitReadable(_go, LongestWaitMilliseconds));

    public void Dispose()
    {
        FileDescriptor.Close(ref _status);
        FileDescriptor.Close(ref _go);
    }

    /// <summary>To one that may have died: then nobody needs to know.</summary>
    private unsafe void Say(string line)
    {
        var bytes = Encoding.UTF8.GetBytes(line + '\n');
        fixed (byte* p = bytes) _ = FileDescriptor.Write(_status, p, bytes.Length);
    }
}
