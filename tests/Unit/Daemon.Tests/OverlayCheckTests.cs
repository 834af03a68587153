using System.Globalization;
using ShimRuntime.Daemon.Checks;
using Xunit;

namespace ShimRuntime.Daemon.Tests;

public sealed class OverlayCheckTests : IDisposable
{
    private const int NobodysPid = int.MaxValue; // above any pid_max
    private readonly string _root = Directory.CreateTempSubdirectory("srt-check-").FullName;

    public void Dispose() => Directory.Delete(_root, true);

    [Fact]
    public void What_a_check_that_died_has_left_is_taken_away()
    {
        var trial = Make(NobodysPid);
        OverlayCheck.RemoveLeftovers(_root);
        Assert.False(Directory.Exists(trial));
    }

    [Fact]
    public void A_check_of_a_living_process_is_left_alone()
    {
        string[] kept = [Make(1), Directory.CreateDirectory(Path.Combine(_root, ".shimruntime-check-me")).FullName];
        OverlayCheck.RemoveLeftovers(_root);
        Assert.All(kept, k => Assert.True(Directory.Exists(k)));
    }

    private string Make(int pid)
    {
        var trial = Path.Combine(_root, string.Create(CultureInfo.InvariantCulture, $".shimruntime-check-{pid}"));
        Directory.CreateDirectory(Path.Combine(trial, "merged"));
        return trial;
    }
}
