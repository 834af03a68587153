using Google.Protobuf;
using Google.Protobuf.Reflection;
using ShimRuntime.Linux;
using ShimRuntime.Shim.Containers;
using ShimRuntime.Shim.Reaping;
using ShimRuntime.Shim.Upgrades;
using ShimRuntime.ShimProtocol.State;
using ShimRuntime.ShimProtocol.V1;
using Xunit;
using Kind = ShimRuntime.ShimProtocol.V1.SwapReadiness.Types.Kind;

namespace ShimRuntime.Shim.Tests.Upgrades;

/// <summary>What a shim writes for its successor is what that one has read.</summary>
public sealed class ShimStateTests : IDisposable
{
    private readonly List<StateRig> _rigs = [];

    [Fact]
    public void A_state_that_was_read_is_written_as_it_was()
    {
        foreach (var saved in States())
        {
            using var loop = new EpollLoop(e => throw e);
            var container = Container.Load(loop, new Reaper(loop), saved.Clone(), CgroupHierarchy.Detect());
            Assert.Equal(saved, container.Save(new StateWriter()));
        }
    }

    /// <summary>A field that no state here sets is one that nobody has shown to survive.</summary>
    [Fact]
    public void Every_field_is_one_that_the_test_sets()
    {
        var set = new HashSet<string>();
        foreach (var saved in States()) Collect(saved, set);
        var all = StateReflection.Descriptor.MessageTypes.SelectMany(m => m.Fields.InDeclarationOrder()).Select(f => f.FullName);
        Assert.Empty(all.Except(set));
    }

    [Fact]
    public void A_state_fits_together()
    {
        foreach (var saved in States()) StateCheck.Run(saved);
    }

    public static TheoryData<string, Action<SavedShim>, string> Broken => new()
    {
        { "launch", s => s.Launch = null, "launch" },
        { "container", s => s.Container = null, "container" },
        { "log", s => s.Container.Log = null, "container" },
        { "current", s => s.Container.Current = 2, "current generation" },
        { "execs", s => s.Container.Generations[0].Execs = null, "generation" },
        { "journal", s => s.Container.Journal = null, "swap" },
        { "index", s => s.Container.Swap.New = 9, "swap's generation" },
        { "stdout", s => s.Container.Generations[1].Execs.Running[0].Stdout = null, "exec" },
        { "twice", s => s.Descriptors.Add(s.Descriptors[0]), "descriptors" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void One_that_does_not_is_refused(string part, Action<SavedShim> spoil, string word)
    {
        var saved = States()[0];
        spoil(saved);
        Assert.Contains(word, Assert.Throws<RuntimeFault>(() => StateCheck.Run(saved)).Message, StringComparison.Ordinal);
        Assert.NotEmpty(part);
    }

    [Fact]
    public void A_call_has_one_owner_and_none_is_forgotten()
    {
        var saved = States()[0];
        saved.Listener.Connections[0].Calls.Add(new SavedStream { Id = 801, Method = "Update" });
        Refused(saved, "nobody would answer Update");
        var twice = States()[0];
        twice.Container.Waiters.Add(twice.Container.Start.Clone());
        Refused(twice, "two owners");
        var unknown = States()[0];
        unknown.Container.Start.Stream = 777;
        Refused(unknown, "not there");
    }

    [Theory]
    [InlineData(2, 1, true)]
    [InlineData(3, 2, true)] // of a later release, with nothing that this one does not know
    [InlineData(3, 3, false)]
    [InlineData(1, 1, true)]
    [InlineData(0, 0, false)]
    public void Only_what_is_understood_is_read(uint schema, uint lowest, bool isRead)
    {
        var saved = new SavedShim { Schema = schema, LowestReader = lowest, Writer = "9.9" };
        if (isRead) StateSchema.Check(saved);
        else Assert.Equal(FaultCode.FailedPrecondition, Assert.Throws<RuntimeFault>(() => StateSchema.Check(saved)).Code);
    }

    [Fact]
    public void A_swap_under_way_needs_the_schema_that_carries_it()
    {
        Assert.Equal(1u, StateSchema.LowestReaderOf(new SavedContainer()));
        Assert.Equal(1u, StateSchema.LowestReaderOf(new SavedContainer { Swap = new SavedSwap { Result = new SwapResult() } }));
        Assert.Equal(2u, StateSchema.LowestReaderOf(new SavedContainer { Swap = new SavedSwap() }));
    }

    public void Dispose() => _rigs.ForEach(r => r.Dispose());

    private static void Refused(SavedShim saved, string word)
    {
        using var loop = new EpollLoop(e => throw e);
        var fault = Assert.Throws<RuntimeFault>(() => Container.Load(loop, new Reaper(loop), saved, CgroupHierarchy.Detect()));
        Assert.Contains(word, fault.Message, StringComparison.Ordinal);
    }

    /// <summary>A swap that waits for a word, one that asks again and again, and one that is over.</summary>
    private IReadOnlyList<SavedShim> States()
    {
        var polls = new SwapReadiness { Kind = Kind.Http, Address = "127.0.0.1", Port = 80, Path = "/", HostHeader = "h", PeriodMilliseconds = 10, Successes = 9 };
        var (first, second, third) = (Rig(), Rig(), Rig());
        var over = third.Swap(polls, new SavedReady());
        (over.Result, over.Ready) = (new SwapResult { Outcome = SwapOutcome.Swapped }, null);
        over.Followers.Clear();
        over.Enders.Clear();
        over.ClearOld();
        over.ClearNew();
        over.ClearFallback();
        var states = new List<SavedShim>
        {
            first.State(first.Swap(new SwapReadiness { Kind = Kind.Notify }, first.Notified())),
            second.State(second.Swap(polls, new SavedReady { Due = 1_000_020, NextDue = 1_000_021, InRow = 5 })),
        };
        var last = third.State(over);
        // Calls of the swap that is over: nobody waits for them.
        foreach (var gone in last.Listener.Connections[0].Calls.Where(c => c.Method is "Swap" or "EndSwap").ToList()) last.Listener.Connections[0].Calls.Remove(gone);
        states.Add(last);
        return states;
    }

    private StateRig Rig()
    {
        _rigs.Add(new StateRig());
        return _rigs[^1];
    }

    private static void Collect(IMessage message, HashSet<string> set)
    {
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            var value = field.Accessor.GetValue(message);
            if (!IsSet(field, message, value)) continue;
            set.Add(field.FullName);
            if (field.FieldType != FieldType.Message || field.IsMap) continue;
            if (value is System.Collections.IList list) foreach (IMessage item in list) Collect(item, set);
            else Collect((IMessage)value, set);
        }
    }

    private static bool IsSet(FieldDescriptor field, IMessage message, object? value) => value switch
    {
        null => false,
        System.Collections.ICollection many => many.Count > 0,
        _ when field.HasPresence => field.Accessor.HasValue(message),
        string text => text.Length > 0,
        ByteString bytes => !bytes.IsEmpty,
        _ => Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture) != 0,
    };
}
