using System.Collections.Immutable;
using Google.Protobuf;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Cri.V1;

namespace ShimRuntime.Runtime.Swap;

/// <summary>
/// What a generation's process differs in from the container's request, as record.json holds it: the sum of all swaps so far. Null: as
/// the request has it.
/// </summary>
public sealed record PatchRecord
{
    public string? Image { get; init; }

    public ImmutableArray<string>? Command { get; init; }

    public ImmutableArray<string>? Args { get; init; }

    /// <summary>Name to value; a null value takes the variable of the request away.</summary>
    public ImmutableSortedDictionary<string, string?> Env { get; init; } = ImmutableSortedDictionary.Create<string, string?>(StringComparer.Ordinal);

    public string? WorkingDir { get; init; }

    /// <summary>This one, and then <paramref name="next"/>.</summary>
    public PatchRecord With(Patch? next)
    {
        if (next is null) return this;
        var env = Env;
        foreach (var name in next.UnsetEnv) env = env.SetItem(name, null);
        foreach (var variable in next.Env) env = env.SetItem(variable.Name, variable.Value);
        return this with
        {
            Image = next.Image.Length > 0 ? next.Image : Image,
            Command = next.Command is { } command ? [.. command.Values] : Command,
            Args = next.Args is { } args ? [.. args.Values] : Args,
            WorkingDir = next.WorkingDir.Length > 0 ? next.WorkingDir : WorkingDir,
            Env = env,
        };
    }

    /// <summary>A copy of the request's config with this in it. Nothing but image, argv, environment and working directory is ever changed.</summary>
    public ContainerConfig ApplyTo(ContainerConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var patched = config.Clone();
        if (Image is not null) patched.Image = new ImageSpec { Image = Image, UserSpecifiedImage = Image };
        if (Command is { } command) Replace(patched.Command, command);
        if (Args is { } args) Replace(patched.Args, args);
        if (WorkingDir is not null) patched.WorkingDir = WorkingDir;
        foreach (var (name, value) in Env)
        {
            var before = patched.Envs.FirstOrDefault(e => e.Key == name);
            if (before is not null && value is not null) before.Value = ByteString.CopyFromUtf8(value);
            else if (before is not null) patched.Envs.Remove(before);
            else if (value is not null) patched.Envs.Add(new KeyValue { Key = name, Value = ByteString.CopyFromUtf8(value) });
        }

        return patched;
    }

    private static void Replace(Google.Protobuf.Collections.RepeatedField<string> target, ImmutableArray<string> values)
    {
        target.Clear();
        target.AddRange(values);
    }
}
