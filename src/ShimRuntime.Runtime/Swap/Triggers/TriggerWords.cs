using System.Globalization;
using System.Text;
using ShimRuntime.Cri.HotSwap.V1;
using ShimRuntime.Linux;
using ShimRuntime.Runtime.Bundles;

namespace ShimRuntime.Runtime.Swap.Triggers;

/// <summary>
/// The words of a trigger file: the options of <c>shimctl swap</c> without their dashes, as <c>image=… env=NAME=VALUE level=L2</c>, between
/// white space. Quotes of both kinds hold a word together; in double ones \" and \\ stand for a character.
/// </summary>
/// <param name="Request">Without container_id; request_id is the word "id", or empty.</param>
/// <param name="IsRollback">The word "rollback", alone.</param>
internal sealed record TriggerWords(SwapRequest Request, bool IsRollback)
{
    private const string Rollback = "rollback";

    /// <summary>Null: there is not one word.</summary>
    /// <exception cref="RuntimeFault">InvalidArgument, with the word.</exception>
    public static TriggerWords? Parse(string text)
    {
        var words = Split(text);
        if (words.Count == 0) return null;
        if (words is [Rollback]) return new TriggerWords(new SwapRequest(), true);
        var request = new SwapRequest { Patch = new Patch() };
        foreach (var word in words)
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0 && word != "keep-new") throw Bad(word, word == Rollback ? "stands alone" : "is not of the form key=value");
            Put(request, equals < 0 ? word : word[..equals], equals < 0 ? "" : word[(equals + 1)..]);
        }

        return new TriggerWords(request, false);
    }

    private static void Put(SwapRequest request, string key, string value)
    {
        switch (key)
        {
            case "id":
                request.RequestId = value;
                break;
            case "level":
                request.Level = SwapAnnotations.LevelOf(value);
                break;
            case "rootfs":
                request.Rootfs = SwapAnnotations.RootfsOf(value);
                break;
            case "ready":
                request.Ready = SwapAnnotations.ReadinessOf(value);
                break;
            case "drain":
                (request.Drain ??= new Drain()).TimeoutMilliseconds = SwapAnnotations.MillisecondsOf(value);
                break;
            case "drain-signal":
                (request.Drain ??= new Drain()).Signal = (int)NumberOf(value);
                break;
            case "probation":
                request.ProbationMilliseconds = SwapAnnotations.MillisecondsOf(value);
                break;
            case "expect":
                request.ExpectedGeneration = NumberOf(value);
                break;
            case "keep-new" when value.Length == 0:
                request.OnFailure = OnFailure.KeepNew;
                break;
            default:
                Put(request.Patch, key, value);
                break;
        }
    }

    private static void Put(Patch patch, string key, string value)
    {
        switch (key)
        {
            case "image":
                patch.Image = value;
                break;
            case "command":
                (patch.Command ??= new Arguments()).Values.Add(value);
                break;
            case "arg":
                (patch.Args ??= new Arguments()).Values.Add(value);
                break;
            case "env" when value.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals:
                patch.Env.Add(new Variable { Name = value[..equals], Value = value[(equals + 1)..] });
                break;
            case "unset-env":
                patch.UnsetEnv.Add(value);
                break;
            case "workdir":
                patch.WorkingDir = value;
                break;
            default:
                throw Bad(key, "is no word of a trigger file, or lacks its value; they are the options of `shimctl swap`");
        }
    }

    private static List<string> Split(string text)
    {
        List<string> words = [];
        StringBuilder? word = null;
        var quote = '\0';
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (quote != '\0')
            {
                if (c == quote) quote = '\0';
                else word!.Append(quote == '"' && c == '\\' && i + 1 < text.Length && text[i + 1] is '"' or '\\' ? text[++i] : c);
            }
            else if (c is '"' or '\'')
            {
                (quote, word) = (c, word ?? new StringBuilder());
            }
            else if (!char.IsWhiteSpace(c))
            {
                (word ??= new StringBuilder()).Append(c);
            }
            else if (word is not null)
            {
                words.Add(word.ToString());
                word = null;
            }
        }

        if (quote != '\0') throw Bad(word!.ToString(), $"lacks its closing {quote}");
        if (word is not null) words.Add(word.ToString());
        return words;
    }

    private static uint NumberOf(string value) => ushort.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number : throw Bad(value, $"is no number up to {ushort.MaxValue}");

    private static RuntimeFault Bad(string word, string cause) => RuntimeFault.InvalidArgument($"'{ContainerPath.Show(word)}' {cause}");
}
