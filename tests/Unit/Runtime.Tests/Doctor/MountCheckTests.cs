using System.Text;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Doctor;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Doctor;

/// <summary>Which mounts below root and state are somebody's.</summary>
public sealed class MountCheckTests
{
    private static readonly string Owned = new('a', 64), Gone = new('b', 64);
    private static readonly string OwnedRun = Owned[..16], GoneRun = Gone[..16];

    public static TheoryData<string, bool> Places() => new()
    {
        { "/lib", false }, { "/lib/r", false }, { "/lib/r/snapshots", false }, { "/lib/r/content", false }, { "/lib/r2/x", false },
        { "/lib/r/other", true }, { "/lib/r/snapshots/7", true }, { $"/lib/r/containers/{Owned}/volumes", true },
        { "/run/s", false }, { "/run/s/c", false }, { "/run/s/other", true }, { "/run/s/c/other", true },
        { $"/run/s/c/{OwnedRun}/rootfs", false }, { $"/run/s/c/{OwnedRun}/rootfs-2/deep", false }, { $"/run/s/c/{OwnedRun}/mounts/image0", false },
        { $"/run/s/c/{OwnedRun}/volumes/0", false }, { $"/run/s/c/{OwnedRun}/g1", true }, { $"/run/s/c/{OwnedRun}", true },
        { $"/run/s/c/{GoneRun}/anything", false }, // told with its container
        { $"/run/s/sandboxes/{Owned}/ns/uts", false }, { $"/run/s/sandboxes/{Owned}/shm", false }, { $"/run/s/sandboxes/{Owned}/else", true },
        { $"/run/s/sandboxes/{Gone}/ns/uts", false }, { "/run/s/sandboxes/none/shm", true },
    };

    [Theory]
    [MemberData(nameof(Places))]
    public void A_mount_is_told_where_nothing_of_ours_mounts(string target, bool isTold)
    {
        var mounts = MountTable.Parse(Encoding.UTF8.GetBytes($"36 35 0:1 / {target} rw - tmpfs none rw\n"));
        Claim[] containers = [new(ClaimKind.Container, Owned, ""), new(ClaimKind.Container, Gone, "")];
        Claim[] pods = [new(ClaimKind.Sandbox, Owned, ""), new(ClaimKind.Sandbox, Gone, "")];
        var survey = new Survey(containers, pods, new Owners([Owned], new HashSet<string> { Owned }), mounts);
        var check = new MountCheck(new RuntimeOptions { Root = "/lib/r", State = "/run/s", ShimPath = "/none" });
        Assert.Equal(isTold ? [target] : [], check.Look(survey).Select(o => o.Finding.Subject));
    }
}
