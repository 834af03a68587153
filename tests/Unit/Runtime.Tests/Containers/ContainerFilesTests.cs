using System.Collections.Immutable;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Containers;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Containers;

public sealed class ContainerFilesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("shimruntime-files-").FullName;
    private readonly ContainerFiles _files;

    public ContainerFilesTests()
    {
        var options = new RuntimeOptions { Root = _root, State = Path.Combine(_root, "state"), ShimPath = "/none" };
        _files = new ContainerFiles(new ContainerPaths(options));
        _files.MakeRoots();
    }

    public void Dispose() => Directory.Delete(_root, true);

    [Fact]
    public void A_record_comes_back_as_it_was()
    {
        var record = TestContainers.Record(TestContainers.Id('a')) with
        {
            Generation = 3,
            Pid = 42,
            PidStartTicks = ulong.MaxValue,
            LogPath = "/var/log/pods/ä b/0.log",
            StopSignal = 2,
            User = new UserRecord { Uid = 1000, Gid = 7, SupplementalGroups = [7, 8] },
            Resources = new ResourcesRecord
            {
                CpuShares = 512,
                MemorySwapLimitBytes = -1,
                HugepageLimits = ImmutableSortedDictionary<string, ulong>.Empty.Add("2MB", ulong.MaxValue),
            },
            Exit = new ContainerExit { Code = 137, Signal = 9, Reason = "OOMKilled", Message = "m", FinishedAtNanos = long.MaxValue },
        };
        _files.Create(record, TestContainers.Request());
        var (read, request) = _files.Read(record.Id);
        Assert.Equal(record.Resources.HugepageLimits.AsEnumerable(), read.Resources.HugepageLimits);
        Assert.Equal(record.User.SupplementalGroups.AsEnumerable(), read.User.SupplementalGroups);
        Assert.Equal(record with { Resources = read.Resources, User = read.User }, read);
        Assert.Equal(TestContainers.Request(), request);
    }

    [Fact]
    public void Files_are_for_their_owner_alone()
    {
        var id = TestContainers.Id('a');
        _files.Create(TestContainers.Record(id), TestContainers.Request());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_files.Paths.Request(id)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_files.Paths.Record(id)));
        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(_files.Paths.Durable(id)) & Others);
    }

    [Fact]
    public void Request_bytes_that_this_version_does_not_know_survive()
    {
        var id = TestContainers.Id('a');
        byte[] unknown = [.. Google.Protobuf.MessageExtensions.ToByteArray(TestContainers.Request()), 0xfa, 0x3e, 0x03, 1, 2, 3];
        var request = ShimRuntime.Cri.V1.CreateContainerRequest.Parser.ParseFrom(unknown);
        _files.Create(TestContainers.Record(id), request);
        Assert.Equal(unknown, File.ReadAllBytes(_files.Paths.Request(id)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"schema\":1}")]
    [InlineData("null")]
    public void A_record_that_is_none_throws_and_can_be_moved_aside(string content)
    {
        var id = TestContainers.Id('a');
        _files.Create(TestContainers.Record(id), TestContainers.Request());
        File.WriteAllText(_files.Paths.Record(id), content);
        Assert.ThrowsAny<Exception>(() => _files.Read(id));
        var aside = _files.MoveAside(id);
        Assert.True(File.Exists(Path.Combine(aside, "request.pb")));
        Assert.Empty(_files.Ids());
    }

    [Theory]
    [InlineData("record.json", "")]
    [InlineData("record.json", "{\"schema\":")]
    [InlineData("record.json", "\0\0\0\0")]
    [InlineData("record.json", null)]
    [InlineData("request.pb", "")]
    [InlineData("request.pb", "\0\0\0\0")]
    [InlineData("request.pb", null)]
    public void What_a_power_loss_tore_has_nothing_to_tell_unless_it_had_run_or_is_of_this_boot(string torn, string? left)
    {
        var id = TestContainers.Id('a');
        _files.Create(TestContainers.Record(id) with { Phase = ContainerPhase.Created }, TestContainers.Request());
        var path = Path.Combine(_files.Paths.Durable(id), torn);
        if (left is null) File.Delete(path);
        else File.WriteAllText(path, left);
        Assert.True(ContainerFiles.IsTorn(Assert.ThrowsAny<Exception>(() => _files.Read(id))));
        Assert.True(_files.HasNothingToTell(id));
        File.WriteAllText(_files.Paths.Exit(id), "{}");
        Assert.False(_files.HasNothingToTell(id));
        File.Move(_files.Paths.Exit(id), _files.Paths.Started(id));
        Assert.False(_files.HasNothingToTell(id));
        File.Delete(_files.Paths.Started(id));
        Directory.CreateDirectory(_files.Paths.Run(id));
        Assert.False(_files.HasNothingToTell(id));
    }

    [Fact]
    public void A_removal_without_its_request_has_nothing_to_tell()
    {
        var id = TestContainers.Id('a');
        _files.Create(TestContainers.Record(id) with { Phase = ContainerPhase.Removing }, TestContainers.Request());
        File.Delete(_files.Paths.Request(id));
        File.WriteAllText(_files.Paths.Exit(id), "{}");
        Assert.True(_files.HasNothingToTell(id));
    }

    [Fact]
    public void A_record_of_a_later_schema_or_of_another_container_is_not_taken()
    {
        var id = TestContainers.Id('a');
        _files.Create(TestContainers.Record(id) with { Schema = ContainerRecord.CurrentSchema + 1 }, TestContainers.Request());
        Assert.Throws<InvalidDataException>(() => _files.Read(id));
        _files.Write(TestContainers.Record(id));
        Directory.Move(_files.Paths.Durable(id), _files.Paths.Durable(TestContainers.Id('b')));
        Assert.Throws<InvalidDataException>(() => _files.Read(TestContainers.Id('b')));
    }

    [Fact]
    public void Deleting_twice_is_deleting_once()
    {
        var id = TestContainers.Id('a');
        _files.Create(TestContainers.Record(id), TestContainers.Request());
        File.WriteAllText(_files.Paths.Exit(id), "{}");
        _files.Delete(id);
        _files.Delete(id);
        Assert.False(Directory.Exists(_files.Paths.Durable(id)));
    }


    [Fact]
    public void Directories_nested_deeper_than_a_path_can_be_long_are_deleted_too()
    {
        var id = TestContainers.Id('a');
        _files.Create(TestContainers.Record(id), TestContainers.Request());
        Directory.CreateDirectory(Path.Combine(_files.Paths.Volumes(id), "0"));
        var deep = SafeDirFd.Open(Path.Combine(_files.Paths.Volumes(id), "0"));
        var name = FileName.Create(new string('d', 200));
        for (var i = 0; i < 40; i++) // 8,000 bytes; PATH_MAX is 4,096
        {
            deep.MakeDirectory(name);
            var next = deep.OpenDirectory(name);
            deep.Dispose();
            deep = next;
        }

        deep.Dispose();
        _files.Delete(id);
        Assert.False(Directory.Exists(_files.Paths.Durable(id)));
    }

    [Fact]
    public void The_time_of_a_start_is_kept_beside_the_record_and_a_torn_one_is_none()
    {
        var id = TestContainers.Id('a');
        _files.Create(TestContainers.Record(id), TestContainers.Request());
        Assert.Equal(0, _files.ReadStarted(id));
        _files.WriteStarted(id, 1_700_000_000_123_456_700);
        Assert.Equal(1_700_000_000_123_456_700, _files.ReadStarted(id));
        File.WriteAllText(_files.Paths.Started(id), "17\0\0");
        Assert.Equal(0, _files.ReadStarted(id));
    }
}
