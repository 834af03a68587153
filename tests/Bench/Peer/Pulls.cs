using ShimRuntime.Cri.V1;

namespace ShimRuntime.Bench.Peer;

/// <summary>Pull of images that are not there, and their removal. Between two of them the disk gets time to write back what the one before has left.</summary>
internal sealed class Pulls : IMeasurement
{
    private const int MB = 1_000_000;
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);

    private static readonly (GeneratedImage Image, double Target)[] All =
    [
        (new GeneratedImage("bench/gzip", 10, 20 * MB, "gzip"), 0.5),
        (new GeneratedImage("bench/zstd", 10, 20 * MB, "zstd"), 0.6),
        (new GeneratedImage("bench/small", 1, 2 * MB, "gzip"), 0.6),
    ];

    public string Name => "pull";

    public async Task RunAsync(Contest contest, CancellationToken cancellation)
    {
        foreach (var (image, target) in All)
        {
            await image.PushAsync(contest.Stage.Registry, cancellation);
            var name = $"{image.Layers} × {image.LayerBytes / MB} MB {image.Compression}";
            var pull = contest.Comparison.Add(new ComparedRow($"pull of {name}", "ms") { Target = Target.PeerAtMost(target) });
            var cpu = contest.Comparison.Add(new ComparedRow($"CPU of the pull of {name}", "ms"));
            var remove = contest.Comparison.Add(new ComparedRow($"RemoveImage of {name}", "ms"));
            var reference = new ImageSpec { Image = $"{contest.Stage.Registry.Host}/{image.Repository}:1" };
            await contest.InterleaveAsync(Math.Max(4, contest.Rounds / 5), async (contestant, counts) =>
            {
                var before = contestant.Usage.RuntimeCpuMilliseconds;
                var pulled = await PodCalls.TimeAsync(() => contestant.PullAsync(reference.Image, cancellation));
                var spent = contestant.Usage.RuntimeCpuMilliseconds - before;
                var removed = await PodCalls.TimeAsync(async () =>
                    await contestant.Images.RemoveImageAsync(new RemoveImageRequest { Image = reference }, cancellationToken: cancellation));
                await contest.Stage.Site.ExecAsync("/bin/sync");
                await Task.Delay(Settle, cancellation);
                if (!counts) return;
                pull.Of(contestant).Add(pulled);
                cpu.Of(contestant).Add(spent);
                remove.Of(contestant).Add(removed);
            });
        }
    }
}
