using Xunit;

namespace ShimRuntime.Cli.Tests;

public class LookupTests
{
    private sealed record Thing(string Id, string Name, bool Alive);

    private static readonly Thing[] Things =
    [
        new("aaa111", "web", false), new("aaa222", "web", true), new("bbb333", "db", false), new("bbb", "exact", false), new("ccc1", "twin", false), new("ccc2", "twin", false),
    ];

    private static Thing? Find(string given) => Lookup.One(Things, new("thing", t => t.Id, t => t.Name, t => t.Alive), given);

    [Theory]
    [InlineData("aaa111", "aaa111")]
    [InlineData("aaa2", "aaa222")]
    [InlineData("web", "aaa222")]
    [InlineData("db", "bbb333")]
    [InlineData("bbb", "bbb")]
    public void The_one_thing_that_is_meant_is_found(string given, string id) => Assert.Equal(id, Find(given)!.Id);

    [Theory]
    [InlineData("aaa")]
    [InlineData("twin")]
    [InlineData("")]
    public void What_means_several_things_is_refused(string given) => Assert.Throws<UsageException>(() => Find(given));

    [Fact]
    public void Unknown_is_null() => Assert.Null(Find("zzz"));
}
