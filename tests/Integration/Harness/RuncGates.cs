namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>
/// The machine's runc behind a door: a runtime handler whose binary is a script that becomes runc, and that waits first where a test has
/// closed a verb for a container. Phases of a swap that last milliseconds are held so, with no word of it in the product.
/// </summary>
public sealed class RuncGates(World world)
{
    private string Directory => Path.Combine(world.Shared, "runc-gates");

    private string Script => Path.Combine(world.Bin, "gated-runc");

    /// <summary>Writes the script, and returns the lines of config.toml that put it in the place of runc.</summary>
    public string Install()
    {
        System.IO.Directory.CreateDirectory(Directory);
        // A FIFO is waited for in open(2), by the shell itself: who kills this process has killed all there is.
        File.WriteAllText(Script, $"""
            #!/bin/sh
            for word; do case $word in create|start|run) verb=$word;; esac; done
            gate={Directory}/$verb.$word
            if [ -p "$gate" ]; then echo $$ > "$gate.reached"; read _ < "$gate"; fi
            exec {Installation.Tool("runc")} "$@"

            """);
        File.SetUnixFileMode(Script, (UnixFileMode)Convert.ToInt32("755", 8));
        return $"[runtimes.runc]\npath = \"{Script}\"";
    }

    /// <summary>From now on that verb waits, for that generation.</summary>
    public Task CloseAsync(string verb, Container container, uint generation) =>
        Command.RunAsync("mkfifo", [Gate(verb, container, generation)]);

    /// <summary>Waits until somebody stands before the gate, and returns its pid.</summary>
    public Task<int> ReachedAsync(string verb, Container container, uint generation)
    {
        var note = Gate(verb, container, generation) + ".reached";
        return Eventually.Value(
            () => Task.FromResult(int.TryParse(File.Exists(note) ? File.ReadAllText(note) : "", out var pid) ? pid : 0),
            p => p > 0, $"runc {verb} of generation {generation}");
    }

    /// <summary>Lets through who waits, and who comes.</summary>
    public void Open(Container container)
    {
        foreach (var gate in System.IO.Directory.GetFiles(Directory, $"*.{container.Id}.g*"))
        {
            if (gate.EndsWith(".reached", StringComparison.Ordinal)) continue;
            // For both: the open waits for nobody, and who reads gets a line.
            using (var writer = new FileStream(gate, FileMode.Open, FileAccess.ReadWrite)) writer.Write("\n"u8);
            File.Delete(gate);
        }
    }

    private string Gate(string verb, Container container, uint generation) => Path.Combine(Directory, $"{verb}.{container.Id}.g{generation}");
}
