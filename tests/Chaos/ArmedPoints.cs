using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Chaos.Tests;

/// <summary>The failpoints directory beside one world's binaries: see the doc comment of src's Failpoint for what stands in it.</summary>
public sealed class ArmedPoints
{
    private const int DelayMilliseconds = 300;
    private readonly string _directory;
    private readonly List<string> _armed = [];

    public ArmedPoints(World world)
    {
        _directory = Path.Combine(world.Bin, "failpoints");
        Directory.CreateDirectory(_directory);
    }

    /// <summary>The next hit of it, and no other.</summary>
    public void Arm(string point, Death death)
    {
        var action = death switch
        {
            Death.Error => "error(chaos)",
            Death.Delay => $"delay({DelayMilliseconds})",
            Death.KillDaemon => "kill(daemon)",
            Death.KillShim => "kill(shim)",
            _ => throw new ArgumentOutOfRangeException(nameof(death)),
        };
        File.WriteAllText(Path.Combine(_directory, point), $"1*{action}->off");
        _armed.Add(point);
    }

    /// <summary>Those that are still to come; none is afterwards.</summary>
    public IReadOnlyList<string> Disarm()
    {
        var unreached = _armed.Where(p => Read(p) != "off").ToList();
        foreach (var point in _armed) File.Delete(Path.Combine(_directory, point));
        _armed.Clear();
        return unreached;
    }

    /// <summary>Without .NET's lock on the file: whoever comes by at this moment, in the background, holds it.</summary>
    private string Read(string point)
    {
        using var file = new StreamReader(new FileStream(Path.Combine(_directory, point), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return file.ReadToEnd();
    }

    /// <summary>Names of all hits since the last call, each once.</summary>
    public IReadOnlySet<string> TakeHits()
    {
        var path = Path.Combine(_directory, "hits");
        if (!File.Exists(path)) return new HashSet<string>();
        var hits = File.ReadAllLines(path).ToHashSet();
        File.Delete(path);
        return hits;
    }
}
