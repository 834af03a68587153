using ShimRuntime.Linux;
using Xunit;

namespace ShimRuntime.Images.Tests.Layers;

/// <summary>
/// Properties over generated archives: whatever they hold, nothing outside the layer changes, no error is anything but a fault with a
/// sentence, and what is accepted mounts. Seeds are in the messages, so a failure can be run again.
/// </summary>
public sealed class RandomArchiveTests
{
    private static readonly string[] Directories = ["a", "a/b", "usr", "a/b/d", "usr/\u00ff"];
    private static readonly string[] Leaves = ["f", "g", "h", "\u00fe", ".wh.f", ".wh.old"];
    private static readonly string[] HostileLeaves = ["b", "d", "canary", ".wh.b", ".wh..wh..opq", ".wh..wh.plnk", "f/", "."];

    [Fact]
    public void Random_members_with_hostile_names_never_reach_outside()
    {
        var (accepted, refused) = (0, 0);
        for (var seed = 1; seed <= 250; seed++)
        {
            if (Try(seed, RandomMembers(new Random(seed), hostile: true))) accepted++;
            else refused++;
        }

        Assert.True(accepted > 20 && refused > 20, $"{accepted} accepted, {refused} refused: the generator proves nothing");
    }

    [Fact]
    public void Random_members_with_honest_names_are_mostly_accepted_and_mount()
    {
        var accepted = Enumerable.Range(1, 100).Count(seed => Try(seed, RandomMembers(new Random(seed), hostile: false)));
        Assert.InRange(accepted, 80, 100);
    }

    [Fact]
    public void Damaged_archives_end_in_a_fault_or_stay_inside()
    {
        var honest = RandomMembers(new Random(7), hostile: false).Pax(("path", "x"), ("mtime", "1.5"), ("SCHILY.xattr.user.a", "b")).File("y", "z").Build();
        for (var seed = 1; seed <= 150; seed++)
        {
            var random = new Random(seed);
            var damaged = (byte[])honest.Clone();
            for (var i = random.Next(1, 6); i > 0; i--)
            {
                var block = random.Next(damaged.Length / 512) * 512;
                damaged[block + random.Next(512)] = (byte)random.Next(256);

                // A right checksum lets the damage through to the parser.
                if (damaged.AsSpan(block, 512).ContainsAnyExcept((byte)0)) TarBuilder.Sealed(damaged.AsSpan(block, 512).ToArray()).CopyTo(damaged, block);
            }

            Try(seed, damaged);
        }
    }

    private static bool Try(int seed, TarBuilder tar) => Try(seed, tar.Build());

    private static bool Try(int seed, byte[] archive)
    {
        using var world = new LayerWorld(new LayerLimits { MaxTotalBytes = 1 << 24, MaxFileBytes = 1 << 24 });
        world.Add(new TarBuilder { Uid = 1 }.Directory("a/", 0x1C0).Directory("a/b/").File("a/b/c", "lower").Symlink("lib", world.Outside).File("c", "lower"));
        var outside = Outside(world);
        var accepted = true;
        try
        {
            world.Add(archive);
            world.Mount();
        }
        catch (RuntimeFault fault)
        {
            Assert.True(fault.Code == FaultCode.InvalidArgument, $"seed {seed}: {fault.Message}");
            accepted = false;
        }

        Assert.True(Directory.GetFileSystemEntries(world.Outside) is [var only] && File.ReadAllText(only) == "alive", $"seed {seed}: the canary");
        Assert.True(outside == Outside(world), $"seed {seed}: the directory outside was changed");
        return accepted;
    }

    // Reading it for the check above moves its access time.
    private static FileStatus Outside(LayerWorld world) => LayerWorld.Stat(world.Root, "outside")!.Value with { AccessTime = default };

    private static TarBuilder RandomMembers(Random random, bool hostile)
    {
        var tar = new TarBuilder();
        var files = new List<string> { "a/b/f" };
        tar.File(files[0], "first");
        for (var i = random.Next(3, 25); i > 0; i--)
        {
            var (name, target) = (Name(random, hostile), random.Next(20) == 0 && hostile ? Name(random, hostile) : files[random.Next(files.Count)]);
            switch (random.Next(9))
            {
                case 0: tar.Directory(Directories[random.Next(Directories.Length)] + "/", (uint)random.Next(0x1000)); break;
                case 1: tar.Symlink(hostile ? name : name + "-link", hostile ? "../" + target : target); break;
                case 2: tar.HardLink(hostile ? name : name + "-hard", target); break;
                case 3: tar.Fifo(hostile ? name : name + "-fifo"); break;
                case 4: tar.Device('3', hostile ? name : name + "-dev", (uint)random.Next(2), (uint)random.Next(2)); break;
                case 5: tar.Pax(("path", name), ("SCHILY.xattr.trusted.overlay.opaque", "y")).File("x"); break;
                default:
                    tar.File(name, new string('x', random.Next(1500)), (uint)random.Next(0x1000));
                    if (!name.Contains(".wh.", StringComparison.Ordinal)) files.Add(name);
                    break;
            }
        }

        return tar;
    }

    /// <summary>A directory and a leaf; a hostile one has leaves that are directories elsewhere, links as parents, whiteouts, and now and then "..".</summary>
    private static string Name(Random random, bool hostile)
    {
        var leaf = hostile && random.Next(4) == 0 ? HostileLeaves[random.Next(HostileLeaves.Length)] : Leaves[random.Next(Leaves.Length)];
        var name = Directories[random.Next(Directories.Length)] + "/" + leaf;
        if (!hostile) return name;
        return random.Next(40) switch { 0 => "../" + name, 1 => "a/../../" + name, 2 or 3 => "/" + name, 4 => "lib/" + name, 5 => "./" + name, _ => name };
    }
}
