using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.Integration.Tests;

/// <summary>
/// The shim binary on disk is not the running daemon's: replaced by an upgrade, cut short, or no shim at all. The pod or container is
/// refused with a sentence that says what to do, soon, and nothing is left; with the right binary back, all goes on.
/// </summary>
public sealed class BrokenShimTests(DaemonFixture daemon) : NodeTest(daemon)
{
    private const string Advice = "install daemon and shim of one release";

    // Speaks ttrpc as far as Hello: a header of 10 bytes, then Response{payload = HelloResponse{1: VERSION, 3: id}}.
    private const string Python = """
        import os, re, socket, struct, sys, time
        launch = os.pread(3, 65536, 0)
        directory = re.search(rb'/[ -~]*?/c/[0-9a-f]{16}', launch).group()
        identity = re.search(rb'[0-9a-f]{64}', launch).group()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(directory + b'/shim.sock')
        listener.listen()
        os.close(4)
        peer, _ = listener.accept()
        header = peer.recv(10, socket.MSG_WAITALL)
        def answer(payload):
            response = b'\x12' + bytes([len(payload)]) + payload
            peer.sendall(struct.pack('>II', len(response), struct.unpack('>I', header[4:8])[0]) + b'\x02\x00' + response)

        """;

    protected override DaemonOptions Options { get; } = new() { Configuration = "shim_call_timeout_seconds = 2" };

    private string ShimPath => Path.Combine(World.Bin, "shimruntime-shim");

    public static TheoryData<string, string> PodInits => new()
    {
        { "#!/bin/sh\nexit 64", "ended before it was ready (exit code 64)" },
        { "#!/bin/sh\nprintf '\\001\\377\\002' >&4", "answers as no pod init of this release does, with 3 bytes (01ff02)" },
        { "#!/bin/sh\nprintf '\\000ready' >&4", "could not start: ready" },
        { "#!/bin/sh\necho too old for this daemon >&4", "could not start: too old for this daemon" },
        { "\u007fELF, cut short", "Exec format error" },
    };

    public static TheoryData<string, string> Shims => new()
    {
        { "#!/bin/sh\nexit 64", "ended before it served" },
        { "#!/bin/sh\necho out of luck >&2; exit 1", "(its last words: out of luck)" },
        { "#!/bin/sh\nprintf '\\001\\377\\002' >&4", "answers as no shim of this release does, with 3 bytes (01ff02)" },
        { "#!/bin/sh\necho this daemon is too old >&4; exit 1", "this daemon is too old" },
        { "#!/bin/sh\nexec 4>&-; exec sleep 1000", "does not answer" },
        { "\u007fELF, cut short", "Exec format error" },
        { $"#!PYTHON\n{Python}time.sleep(1000)", "did not answer Hello within 2 s" },
        { $"#!PYTHON\n{Python}peer.sendall(b'HTTP/1.1 400 Bad Request\\r\\n\\r\\n'); time.sleep(1000)", "does not answer" },
        { $"#!PYTHON\n{Python}answer(b'\\xff\\xff\\xff'); time.sleep(1000)", "its answer to Hello is no HelloResponse" },
        { $"#!PYTHON\n{Python}answer(b'\\x08\\x03\\x1a\\x40' + identity); time.sleep(1000)", "speaks protocol 3" },
        { $"#!PYTHON\n{Python}answer(b'\\x08\\x01\\x1a\\x40' + b'0' * 64); time.sleep(1000)", "for container '0000000000" },
    };

    [Theory]
    [MemberData(nameof(PodInits))]
    public Task APodInitThatIsNoneIsRefused(string program, string words) => WithShimAsync(program, async () =>
    {
        var config = PodConfig(p => p.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Pod);
        var fault = await Faults.ExpectAsync(StatusCode.Internal, Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config }), words);
        AssertReadable(fault, words.StartsWith("could not start", StringComparison.Ordinal));
        Assert.Empty((await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
    }, () => RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Pod));

    [Theory]
    [MemberData(nameof(Shims))]
    public async Task AShimThatIsNoneIsRefused(string program, string words)
    {
        var pod = await RunPodAsync();
        var config = await pod.ContainerConfigAsync("echo up; sleep 1000");
        await WithShimAsync(program, async () =>
        {
            var fault = await Faults.ExpectAsync(StatusCode.Internal, Runtime.CreateContainerAsync(pod.Request(config)), words);
            AssertReadable(fault, words.StartsWith("this daemon", StringComparison.Ordinal));
            Assert.Empty((await Runtime.ListContainersAsync(new ListContainersRequest())).Containers);
            await Eventually.True(() => !Directory.EnumerateFileSystemEntries(Path.Combine(World.State, "c")).Any(), "its run directory is gone");
        }, async () =>
        {
            // The same name: the failed create holds nothing.
            var id = (await Runtime.CreateContainerAsync(pod.Request(config))).ContainerId;
            await Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = id });
        });
    }

    /// <summary>Where the binary has said itself what to do, its word stands alone.</summary>
    private static void AssertReadable(RpcException fault, bool hasItsOwnWords)
    {
        Assert.DoesNotContain(fault.Status.Detail, char.IsControl);
        Assert.DoesNotContain('\uFFFD', fault.Status.Detail);
        if (!hasItsOwnWords) Assert.Contains(Advice, fault.Status.Detail, StringComparison.Ordinal);
    }

    private async Task WithShimAsync(string program, Func<Task> broken, Func<Task> mended)
    {
        // Written by a child and moved into place: a file that this process has open for writing is "text file busy" for whoever forks.
        var (source, original) = (Path.Combine(World.Shared, "shim"), Path.Combine(World.Shared, "original"));
        await File.WriteAllTextAsync(source, program.Replace("PYTHON", Installation.Tool("python3"), StringComparison.Ordinal) + "\n");
        await Command.ShellAsync($"cp {source} {ShimPath}.new && chmod 755 {ShimPath}.new && ln -f {ShimPath} {original} && mv {ShimPath}.new {ShimPath}");
        try
        {
            await broken();
        }
        finally
        {
            await Command.ShellAsync($"mv {original} {ShimPath}");
        }

        await mended();
    }
}
