using System.Text;
using System.Text.Json;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Node;
using ShimRuntime.Runtime.Tests.Networking;
using Xunit;

namespace ShimRuntime.Runtime.Tests.Node;

public sealed class RuntimeHandlersTests : IDisposable
{
    private const string Verb = "failed to run pod sandbox";
    private readonly string _root = Directory.CreateTempSubdirectory("handlers-").FullName;
    private readonly ExitWatcher _exits = new();

    public void Dispose()
    {
        _exits.Dispose();
        Directory.Delete(_root, true);
    }

    [Fact]
    public async Task What_runc_features_lists_is_claimed_and_no_name_is_runc()
    {
        var handlers = new RuntimeHandlers(Options(), _exits);
        var answer = await handlers.AskAsync("", Verb, CancellationToken.None);
        Assert.Null(answer.Failure);
        Assert.Equal("runc", answer.Options.Name);
        Assert.True(answer.Features.RecursiveReadOnlyMounts, "runc 1.1 and newer knows rro");
        Assert.Equal(answer.Features.UserNamespaces, answer.Features.UserNamespacesFailure is null);
    }

    [Fact]
    public async Task A_handler_that_nobody_set_is_refused_with_those_that_there_are()
    {
        var handlers = new RuntimeHandlers(Options(new RuntimeHandlerOptions { Name = "second", Path = "/no/such" }), _exits);
        var fault = await Assert.ThrowsAsync<RuntimeFault>(async () => await handlers.RequireAsync("third", Verb, CancellationToken.None));
        Assert.Equal(FaultCode.InvalidArgument, fault.Code);
        Assert.Contains("'third'; this node has runc, second", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_binary_that_is_missing_is_a_precondition_and_takes_no_other_handler_with_it()
    {
        var handlers = new RuntimeHandlers(Options(new RuntimeHandlerOptions { Name = "second", Path = "/no/such" }), _exits);
        var fault = await Assert.ThrowsAsync<RuntimeFault>(async () => await handlers.RequireAsync("second", Verb, CancellationToken.None));
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Contains("/no/such", fault.Message, StringComparison.Ordinal);
        Assert.Null((await handlers.RequireAsync("runc", Verb, CancellationToken.None)).Failure);
    }

    [Fact]
    public async Task A_runtime_without_the_verb_features_claims_nothing()
    {
        var path = Path.Combine(_root, "old");
        PluginScript.Write(path, "[ \"$1\" = --version ] && echo 'runc version 1.0.3' && exit 0\nexit 1");
        var handlers = new RuntimeHandlers(Options(new RuntimeHandlerOptions { Name = "old", Path = path }), _exits);
        var answer = await handlers.RequireAsync("old", Verb, CancellationToken.None);
        Assert.False(answer.Features.RecursiveReadOnlyMounts || answer.Features.UserNamespaces);
    }

    [Fact]
    public async Task User_namespaces_are_not_claimed_where_the_layers_file_system_cannot_be_id_mapped()
    {
        // proc can't, on any kernel.
        var handlers = new RuntimeHandlers(Options() with { Root = "/proc/self" }, _exits);
        var answer = await handlers.AskAsync("", Verb, CancellationToken.None);
        Assert.False(answer.Features.UserNamespaces);
        Assert.Contains("'/proc/self', proc, can't be id-mapped", answer.Features.UserNamespacesFailure, StringComparison.Ordinal);
        var fault = Assert.Throws<RuntimeFault>(answer.RequireUserNamespaces);
        Assert.Equal(FaultCode.FailedPrecondition, fault.Code);
        Assert.Contains("hostUsers: true", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"mountOptions":["ro","rro"],"linux":{"namespaces":["user"],"mountExtensions":{"idmap":{"enabled":true}}}}""", true, true, true)]
    [InlineData("""{"mountOptions":["ro"],"linux":{"namespaces":["pid"]}}""", false, false, false)]
    [InlineData("""{"mountOptions":7,"linux":[]}""", false, false, false)]
    public void Features_are_what_the_document_says(string json, bool rro, bool user, bool idmap)
    {
        var features = OciFeatures.Parse(Encoding.UTF8.GetBytes(json));
        Assert.Equal((rro, user, idmap), (features.MountOptions.Contains("rro"), features.UserNamespaces, features.IdmapMounts));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    public void What_is_no_object_is_no_answer(string json) =>
        Assert.ThrowsAny<JsonException>(() => OciFeatures.Parse(Encoding.UTF8.GetBytes(json)));

    private RuntimeOptions Options(params RuntimeHandlerOptions[] handlers) =>
        new() { Root = _root, State = Path.Combine(_root, "state"), ShimPath = "/none", Handlers = handlers };
}
