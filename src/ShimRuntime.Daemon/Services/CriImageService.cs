using Grpc.Core;
using ShimRuntime.Cri.V1;
using ShimRuntime.Daemon.Hosting;
using ShimRuntime.Images;
using ShimRuntime.Linux;

namespace ShimRuntime.Daemon.Services;

/// <summary>runtime.v1.ImageService: maps image records to CRI messages; everything else is <see cref="IImageService"/>'s.</summary>
internal sealed class CriImageService(ServiceGate gate) : Cri.V1.ImageService.ImageServiceBase
{
    private IImageService Images => gate.Services.Images;

    public override Task<ListImagesResponse> ListImages(ListImagesRequest request, ServerCallContext context) =>
        Task.FromResult(new ListImagesResponse { Images = { Matching(request.Filter) } });

    public override Task<ImageStatusResponse> ImageStatus(ImageStatusRequest request, ServerCallContext context)
    {
        var response = new ImageStatusResponse();
        // CRI: unknown is an empty answer.
        if (Images.Find(Reference(request.Image, "inspect")) is not { } image) return Task.FromResult(response);
        response.Image = ImageMessages.Image(image);
        if (request.Verbose) response.Info["info"] = ImageMessages.VerboseInfo(image);
        return Task.FromResult(response);
    }

    public override async Task<PullImageResponse> PullImage(PullImageRequest request, ServerCallContext context)
    {
        var pull = new PullRequest(Reference(request.Image, "pull"), ImageMessages.Credentials(request.Auth));
        var image = await Images.PullAsync(pull, null, context.CancellationToken);
        return new PullImageResponse { ImageRef = image.Id };
    }

    public override async Task<RemoveImageResponse> RemoveImage(RemoveImageRequest request, ServerCallContext context)
    {
        await Images.RemoveAsync(Reference(request.Image, "remove"), context.CancellationToken);
        return new RemoveImageResponse();
    }

    public override Task<ImageFsInfoResponse> ImageFsInfo(ImageFsInfoRequest request, ServerCallContext context)
    {
        // Images and writable layers are on one filesystem: kubelet is told so by the same entry twice.
        var usage = ImageMessages.Filesystem(Images.FilesystemUsage());
        return Task.FromResult(new ImageFsInfoResponse { ImageFilesystems = { usage }, ContainerFilesystems = { usage.Clone() } });
    }

    public override Task StreamImages(
        StreamImagesRequest request, IServerStreamWriter<StreamImagesResponse> responseStream, ServerCallContext context) =>
        ListStream.WriteAsync(Matching(request.Filter), responseStream, items => new StreamImagesResponse { Images = { items } },
            context.CancellationToken);

    private IEnumerable<Image> Matching(ImageFilter? filter)
    {
        var wanted = filter?.Image?.Image;
        IEnumerable<ImageRecord> images = string.IsNullOrEmpty(wanted) ? Images.List() : Images.Find(wanted) is { } image ? [image] : [];
        return images.Select(ImageMessages.Image);
    }

    private static string Reference(ImageSpec? image, string verb) => string.IsNullOrEmpty(image?.Image)
        ? throw RuntimeFault.InvalidArgument($"failed to {verb} image: the request names none; set image.image")
        : image.Image;
}
