using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

/// <summary>The real kernel: id-mapped copies of volumes, and that the host's own mounts and files survive them. Needs root.</summary>
public sealed class StagedMountTests : IDisposable
{
    private static readonly IdRange Ids = new(200_000, 65_536);
    private readonly string _directory = Directory.CreateTempSubdirectory("staged-").FullName;

    public StagedMountTests()
    {
        Directory.CreateDirectory(At("source/below"));
        File.WriteAllText(At("source/file"), "host");
        MountPoint.Bind(At("source"), At("source"));
        MountPoint.SetPropagation(At("source"), MountPropagation.Shared);
    }

    public void Dispose()
    {
        MountPoint.UnmountBelow(_directory);
        Directory.Delete(_directory, true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_released_copy_takes_no_mount_and_no_file_of_the_host_with_it(bool follows)
    {
        MountPoint.Tmpfs(At("source/below"), 1 << 20, 0x1ED);
        Make("source", follows);
        Make("source/file", follows);
        Assert.Equal(200_000u, Owner("stages/0"));
        Assert.Equal(200_000u, Owner("stages/0/below"));
        Assert.Equal("host", File.ReadAllText(At("stages/1")));

        StagedMounts.Release(At("stages"));

        Assert.False(Directory.Exists(At("stages")));
        Assert.NotNull(MountTable.Read().At(At("source/below")));
        Assert.Equal("host", File.ReadAllText(At("source/file")));
        StagedMounts.Release(At("stages"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_mounted_later_shows_below_a_follower_alone(bool follows)
    {
        Make("source", follows);
        MountPoint.Tmpfs(At("source/below"), 1 << 20, 0x1ED);
        File.WriteAllText(At("source/below/late"), "");
        Assert.Equal(follows, File.Exists(At("stages/0/below/late")));
        StagedMounts.Release(At("stages"));
    }

    [Fact]
    public void A_file_system_that_cannot_be_mapped_is_named_with_its_path()
    {
        MountPoint.Mount("proc", At("source/below"), "proc", MountFlags.None);
        var fault = Assert.Throws<RuntimeFault>(() => Make("source", false));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Contains($"mounts[0].uidMappings can't be served: '{At("source/below")}' is a mount of proc", fault.Message, StringComparison.Ordinal);
        StagedMounts.Release(At("stages"));
        Assert.NotNull(MountTable.Read().At(At("source/below")));
    }

    private string At(string name) => Path.Combine(_directory, name);

    private uint Owner(string name)
    {
        using var directory = SafeDirFd.Open(At(name));
        return (uint)directory.Stat().Uid;
    }

    private void Make(string source, bool follows)
    {
        var stage = Directory.Exists(At("stages")) ? Directory.EnumerateFileSystemEntries(At("stages")).Count() : 0;
        NamespaceThread.Run(() =>
        {
            using var holder = UserNamespaceHolder.Start(NamespaceKinds.None, new UserMappings(Ids, Ids));
            using var user = File.OpenHandle(holder.Namespace("user"));
            StagedMounts.Make(new IdmappedBind("mounts[0].uidMappings", At(source), At($"stages/{stage}"), follows), user);
            return true;
        });
    }
}
