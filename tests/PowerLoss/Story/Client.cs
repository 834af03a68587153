using System.Globalization;
using Google.Protobuf;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.Operator.V1;
using ShimRuntime.Cri.V1;
using ShimRuntime.Integration.Tests.Harness;

namespace ShimRuntime.PowerLoss.Tests.Story;

/// <summary>A client that writes down what it was told.</summary>
public sealed class Client(DaemonFixture daemon, Diary diary)
{
    public Task<string> PullAsync(string reference) => diary.CallAsync(Verb.Pull, () => daemon.PullAsync(reference), id => (id, reference));

    public Task<string> ImportAsync(byte[] archive) => diary.CallAsync(Verb.Pull, () => ImportAsync(daemon, archive), id => (id, ""));

    public Task RemoveImageAsync(string id) => diary.CallAsync(
        () => daemon.Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = id } }).ResponseAsync, (Verb.RemoveImage, id));

    public Task<Pod> RunPodAsync(string name, NamespaceMode network) => diary.CallAsync(
        Verb.RunPod, () => Pod.RunAsync(daemon, p => p.Linux.SecurityContext.NamespaceOptions.Network = network, name), pod => (pod.Id, ""));

    /// <param name="script">Null: the image's own command.</param>
    public async Task<Container> CreateAsync(Pod pod, string image, string? script)
    {
        var config = await pod.ContainerConfigAsync(script ?? "", c => c.Image = new ImageSpec { Image = image });
        if (script is null) config.Command.Clear();
        return await diary.CallAsync(Verb.Create, async () =>
        {
            var response = await daemon.Runtime.CreateContainerAsync(pod.Request(config));
            return new Container(pod, response.ContainerId, config);
        }, c => (c.Id, ""));
    }

    public async Task<Container> RunAsync(Pod pod, string image, string? script)
    {
        var container = await CreateAsync(pod, image, script);
        await diary.CallAsync(container.StartAsync, (Verb.Start, container.Id));
        return container;
    }

    /// <summary>Waits for its end, and has then seen its exit code.</summary>
    public Task<ContainerStatus> SeeExitAsync(Container container) => diary.CallAsync(
        Verb.SeeExit, () => container.ExitedAsync(), s => (container.Id, s.ExitCode.ToString(CultureInfo.InvariantCulture)));

    public Task RemoveAsync(Container container) => diary.CallAsync(container.RemoveAsync, (Verb.RemoveContainer, container.Id));

    public Task RemovePodAsync(Pod pod, params IEnumerable<Container> containers) => diary.CallAsync(
        pod.RemoveAsync, [(Verb.RemovePod, pod.Id), .. containers.Select(c => (Verb.RemoveContainer, c.Id))]);

    public async Task SwapAsync(Container container, SwapRequest request, string image)
    {
        var end = await diary.CallAsync(Verb.Swap, () => container.Swap(request).EndAsync(), _ => (container.Id, image));
        Assert.Equal(Outcome.Swapped, end.Outcome);
    }

    /// <summary>The id of the archive's one image.</summary>
    public static async Task<string> ImportAsync(DaemonFixture daemon, byte[] archive)
    {
        using var call = daemon.Client.Operator.ImportImage(deadline: DateTime.UtcNow.AddMinutes(1));
        const int chunk = 1 << 20;
        for (var at = 0; at < archive.Length; at += chunk)
            await call.RequestStream.WriteAsync(new ImportImageRequest { Chunk = ByteString.CopyFrom(archive, at, Math.Min(chunk, archive.Length - at)) });
        await call.RequestStream.CompleteAsync();
        return (await call.ResponseAsync).Images.Single().Id;
    }
}
