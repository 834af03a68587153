namespace ShimRuntime.Integration.Tests.Harness;

/// <summary>Programs for the places of running shims, in a world's own directory: good ones, and each kind of bad one.</summary>
public sealed class OtherShims(World world)
{
    private static string Real => Installation.Binary("shimruntime-shim");

    /// <summary>The same program as another file.</summary>
    public string Copy(string name) => Place(name, File.ReadAllBytes(Real));

    /// <summary>Of the release before: it writes and reads the schema of state before this one's.</summary>
    public string Previous() => Place("shim-previous", File.ReadAllBytes(Installation.Binary("previous/shimruntime-shim")));

    public async Task<string> BrokenAsync(string kind) => kind switch
    {
        "cut" => Place("shim-cut", File.ReadAllBytes(Real)[..200_000]),
        "text" => Place("shim-text", "no program\n"u8.ToArray()),
        "other-machine" => Place("shim-other-machine", OfAnotherMachine()),
        "no-library" => await WithoutLibraryAsync(),
        _ => await CompiledAsync(kind),
    };

    private static byte[] OfAnotherMachine()
    {
        var program = File.ReadAllBytes(Real);
        program[18] = 0xb7; // e_machine: EM_AARCH64, elf(5)
        return program;
    }

    private async Task<string> CompiledAsync(string kind)
    {
        var path = PathOf($"shim-{kind}");
        await Command.ShellAsync(
            $"gcc -O1 -static -DBROKEN='\"{kind}\"' -DREAL='\"{Real}\"' -o {path} {AppContext.BaseDirectory}/Assets/broken-shim.c && chmod 755 {path}");
        return path;
    }

    private async Task<string> WithoutLibraryAsync()
    {
        var path = PathOf("shim-no-library");
        var library = PathOf("libabsent.so");
        await Command.ShellAsync($"echo 'int absent(void) {{ return 0; }}' | gcc -shared -fPIC -x c - -o {library}"
            + $" && echo 'int absent(void); int main(void) {{ return absent(); }}' | gcc -x c - -x none {library} -o {path} && rm {library} && chmod 755 {path}");
        return path;
    }

    private string Place(string name, byte[] program)
    {
        var path = PathOf(name);
        File.WriteAllBytes(path, program);
        File.SetUnixFileMode(path, (UnixFileMode)0x1ed); // 0755
        return path;
    }

    private string PathOf(string name) => Path.Combine(world.Base, name);
}
