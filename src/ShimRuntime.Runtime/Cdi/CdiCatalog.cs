namespace ShimRuntime.Runtime.Cdi;

/// <summary>
/// All devices of the spec directories as one look found them. A device of a later directory replaces that of an earlier one; two in the
/// same directory are a conflict, and neither is used.
/// </summary>
internal sealed class CdiCatalog
{
    private const int MaxFailuresTold = 4;
    private readonly Dictionary<string, Entry> _devices = new(StringComparer.Ordinal);
    private readonly List<string> _failures = [];
    private int _directory;

    /// <summary>What is added from here on has a higher priority than what was added before.</summary>
    public void NextDirectory() => _directory++;

    public void AddFailure(string sentence) => _failures.Add(sentence);

    public void Add(CdiSpec spec)
    {
        foreach (var (name, edits) in spec.Devices)
        {
            var qualified = $"{spec.Kind}={name}";
            var rival = _devices.TryGetValue(qualified, out var known) && known.Directory == _directory ? known.Spec.Path : null;
            _devices[qualified] = new Entry(spec, edits, _directory, rival);
        }
    }

    /// <summary>
    /// The edits for these devices in the order asked for, each spec's own edits before those of its first device. Null: not all are there,
    /// and <paramref name="failure"/> says which and why.
    /// </summary>
    public IReadOnlyList<CdiEdits>? Resolve(IReadOnlyList<string> names, out string failure)
    {
        var edits = new List<CdiEdits>();
        var specs = new HashSet<CdiSpec>(ReferenceEqualityComparer.Instance);
        var missing = new List<string>();
        foreach (var name in names)
        {
            if (!_devices.TryGetValue(name, out var entry)) missing.Add(name);
            else if (entry.Rival is not null) missing.Add($"{name} (both '{entry.Rival}' and '{entry.Spec.Path}' have it)");
            else
            {
                if (specs.Add(entry.Spec)) edits.Add(entry.Spec.Edits);
                edits.Add(entry.Device);
            }
        }

        failure = missing.Count == 0 ? "" : $"names unresolvable CDI devices {string.Join(", ", missing.Take(MaxFailuresTold))}{Failures()}";
        return missing.Count == 0 ? edits : null;
    }

    private string Failures()
    {
        if (_failures.Count == 0) return "";
        var more = _failures.Count > MaxFailuresTold ? $"; and {_failures.Count - MaxFailuresTold} more" : "";
        return $"; specs that can't be used: {string.Join("; ", _failures.Take(MaxFailuresTold))}{more}";
    }

    /// <param name="Rival">Another spec of the same directory that has the device, too.</param>
    private sealed record Entry(CdiSpec Spec, CdiEdits Device, int Directory, string? Rival);
}
