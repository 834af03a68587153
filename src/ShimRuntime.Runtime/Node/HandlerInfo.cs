using System.Text.Json.Nodes;

namespace ShimRuntime.Runtime.Node;

/// <summary>Verbose Status, under the key "runtimeHandlers": each handler's binary, version, what it can do, and why it can't be used.</summary>
internal static class HandlerInfo
{
    public static string Json(IEnumerable<RuntimeHandlers.Answer> answers)
    {
        var all = new JsonObject();
        foreach (var answer in answers)
        {
            all[answer.Options.Name] = new JsonObject
            {
                ["path"] = answer.Options.Path,
                ["program"] = answer.Probe.Version?.Program,
                ["version"] = answer.Probe.Version?.Text,
                ["failure"] = answer.Failure,
                ["recursiveReadOnlyMounts"] = answer.Features.RecursiveReadOnlyMounts,
                ["userNamespaces"] = answer.Features.UserNamespaces,
                ["userNamespacesFailure"] = answer.Features.UserNamespacesFailure,
            };
        }

        return all.ToJsonString();
    }
}
