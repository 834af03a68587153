namespace ShimRuntime.Images;

/// <summary>One challenge of a WWW-Authenticate header (RFC 9110 section 11.6.1): Basic, or Bearer with realm, service and scope.</summary>
internal sealed record AuthChallenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    private const int MaxLength = 8192;

    public bool IsBasic => Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase);

    public bool IsBearer => Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase);

    public string? Realm => Parameters.GetValueOrDefault("realm");

    public string? Service => Parameters.GetValueOrDefault("service");

    public string? Scope => Parameters.GetValueOrDefault("scope");

    /// <summary>All challenges of one header line; what does not parse ends the list, it never throws.</summary>
    public static IReadOnlyList<AuthChallenge> Parse(string header)
    {
        var challenges = new List<AuthChallenge>();
        if (header.Length > MaxLength) return challenges;
        var at = 0;
        while (true)
        {
            SkipSeparators(header, ref at);
            var scheme = Token(header, ref at);
            if (scheme.Length == 0) return challenges;
            var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            while (Parameter(header, ref at, parameters))
            {
            }

            challenges.Add(new AuthChallenge(scheme, parameters));
        }
    }

    /// <summary>Reads <c>name=token</c> or <c>name="quoted"</c>; leaves the position alone when the next scheme begins there.</summary>
    private static bool Parameter(string text, ref int at, Dictionary<string, string> into)
    {
        var start = at;
        SkipSeparators(text, ref at);
        var name = Token(text, ref at);
        SkipSpaces(text, ref at);
        if (name.Length == 0 || at >= text.Length || text[at] != '=')
        {
            at = start;
            return false;
        }

        at++;
        SkipSpaces(text, ref at);
        var value = at < text.Length && text[at] == '"' ? Quoted(text, ref at) : Token(text, ref at);
        into.TryAdd(name, value);
        return true;
    }

    private static string Quoted(string text, ref int at)
    {
        var value = new System.Text.StringBuilder();
        for (at++; at < text.Length && text[at] != '"'; at++)
        {
            if (text[at] == '\\' && at + 1 < text.Length) at++;
            value.Append(text[at]);
        }

        if (at < text.Length) at++;
        return value.ToString();
    }

    private static string Token(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && text[at] is not (' ' or '\t' or ',' or '=' or '"')) at++;
        return text[start..at];
    }

    private static void SkipSpaces(string text, ref int at)
    {
        while (at < text.Length && text[at] is ' ' or '\t') at++;
    }

    private static void SkipSeparators(string text, ref int at)
    {
        while (at < text.Length && text[at] is ' ' or '\t' or ',') at++;
    }
}
