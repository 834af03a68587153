using ShimRuntime.Cri.V1;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Bundles;

public sealed class UserTests : IDisposable
{
    private readonly SpecFixture _spec = new();

    public void Dispose() => _spec.Dispose();

    [Theory]
    [InlineData("", 0, 0, "0,44")]
    [InlineData("app", 1000, 1000, "1000,44,50")]
    [InlineData("1000", 1000, 1000, "1000,44,50")]
    [InlineData("1000:3000", 1000, 3000, "3000,44,50")]
    [InlineData("app:staff", 1000, 50, "50,44")]
    [InlineData("77:staff", 77, 50, "50")]
    [InlineData("77", 77, 0, "0")]
    [InlineData("2147483647:2147483647", 2147483647, 2147483647, "2147483647")]
    public void The_image_s_user_in_every_form(string user, uint uid, uint gid, string groups)
    {
        _spec.Image = _spec.Image with { User = user };
        var built = _spec.Build();
        Assert.Equal((uid, gid), (built.Spec.Process.User.Uid, built.Spec.Process.User.Gid));
        Assert.Equal(groups, string.Join(',', built.Spec.Process.User.AdditionalGids!));
        Assert.Equal(groups, string.Join(',', built.User.SupplementalGroups));
    }

    [Theory]
    [InlineData("2147483648:0")]
    [InlineData("4294967296")]
    [InlineData("99999999999999999999999")]
    [InlineData("-1")]
    [InlineData("+0")]
    [InlineData("0:2147483648")]
    [InlineData("0:-1")]
    [InlineData("ghost")]
    [InlineData("app:ghosts")]
    [InlineData(":0")]
    [InlineData("0:")]
    [InlineData("a:b:c")]
    [InlineData("root\n")]
    public void An_image_user_that_is_none_is_refused_and_never_becomes_root(string user)
    {
        _spec.Image = _spec.Image with { User = user };
        _spec.Refuses("image User");
    }

    [Fact]
    public void Ids_that_wrap_in_the_image_s_own_files_are_refused()
    {
        _spec.Rootfs.Write("/etc/passwd", "big:x:4294967296:0::/:/bin/sh\nbiggid:x:5:4294967296::/:/bin/sh\n");
        _spec.Image = _spec.Image with { User = "big" };
        _spec.Refuses("4294967296");
        _spec.Image = _spec.Image with { User = "biggid" };
        _spec.Refuses("4294967296");
    }

    [Fact]
    public void The_request_s_ids_have_the_same_range()
    {
        _spec.Context.RunAsUser = new Int64Value { Value = 2147483648 };
        _spec.Refuses("run_as_user 2147483648");
        _spec.Context.RunAsUser = new Int64Value { Value = -1 };
        _spec.Refuses("run_as_user -1");
        _spec.Context.RunAsUser = new Int64Value { Value = 1 };
        _spec.Context.RunAsGroup = new Int64Value { Value = 4294967296 };
        _spec.Refuses("run_as_group 4294967296");
        _spec.Context.RunAsGroup = null;
        _spec.Context.SupplementalGroups.Add([5, -5]);
        _spec.Refuses("supplemental_groups[1] -5");
    }

    [Fact]
    public void A_group_without_a_user_is_refused_even_when_the_image_has_one()
    {
        _spec.Image = _spec.Image with { User = "app" };
        _spec.Context.RunAsGroup = new Int64Value { Value = 5 };
        _spec.Refuses("run_as_group");
    }

    [Fact]
    public void A_user_name_must_be_in_the_image_and_only_one_way_is_given()
    {
        _spec.Context.RunAsUsername = "ghost";
        _spec.Refuses("run_as_username 'ghost'");
        _spec.Context.RunAsUsername = "app:staff";
        _spec.Refuses("run_as_username");
        _spec.Context.RunAsUsername = "app";
        _spec.Context.RunAsUser = new Int64Value { Value = 1 };
        _spec.Refuses("run_as_user are both given");
    }

    [Fact]
    public void Strict_leaves_the_image_s_groups_out()
    {
        _spec.Context.RunAsUsername = "app";
        _spec.Context.SupplementalGroupsPolicy = SupplementalGroupsPolicy.Strict;
        _spec.Context.SupplementalGroups.Add([7, 7, 1000]);
        Assert.Equal([1000u, 7u], _spec.Build().Spec.Process.User.AdditionalGids!);
    }

    [Fact]
    public void Passwd_is_never_read_from_the_host()
    {
        // The host's file has a user of this name; inside the rootfs the first link leads to itself and the second nowhere.
        _spec.Rootfs.Link("/etc/passwd", "../../../../../../../../etc/passwd");
        _spec.Image = _spec.Image with { User = "daemon" };
        _spec.Refuses("loop of symbolic links");
        _spec.Rootfs.Link("/etc/passwd", "/proc/1/root/etc/passwd");
        _spec.Refuses("'daemon'");
    }

    [Fact]
    public void A_link_inside_the_image_is_followed()
    {
        _spec.Rootfs.Write("/nix/passwd", "store:x:7:8::/:/bin/sh\n");
        _spec.Rootfs.Link("/etc/passwd", "/nix/passwd");
        _spec.Image = _spec.Image with { User = "store" };
        Assert.Equal(7u, _spec.Build().Spec.Process.User.Uid);
    }

    [Fact]
    public void A_passwd_that_is_too_large_or_no_file_is_refused()
    {
        _spec.Image = _spec.Image with { User = "app" };
        _spec.Rootfs.Write("/etc/passwd", new string('\n', 70_000));
        _spec.Refuses("more than 65536 lines");
        _spec.Rootfs.Write("/etc/passwd", new string('x', (4 << 20) + 1));
        _spec.Refuses("larger than 4194304 bytes");
        File.Delete(_spec.Rootfs.Path + "/etc/passwd");
        Directory.CreateDirectory(_spec.Rootfs.Path + "/etc/passwd");
        _spec.Refuses("no regular file");
    }

    [Fact]
    public void Lines_that_are_no_entries_are_passed_over()
    {
        _spec.Rootfs.Write("/etc/passwd", "# comment\n\n:x:1:1::/:\nshort:x\nbad:x:one:1::/:\napp:x:5:6::/:/bin/sh\r\n");
        _spec.Image = _spec.Image with { User = "app" };
        Assert.Equal(5u, _spec.Build().Spec.Process.User.Uid);
    }
}
