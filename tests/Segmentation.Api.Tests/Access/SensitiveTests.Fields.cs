using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Segmentation.Api.Analyses;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Endpoints;
using Segmentation.Api.Http;
using Segmentation.Api.Predictions;
using Segmentation.Api.Segments;
using Segmentation.Models.Propensities;
using Segmentation.Rules.Backends;

namespace Segmentation.Api.Tests.Access;

/// <summary>Which fields are sensitive, and where they are named, told or learned of.</summary>
public sealed partial class SensitiveTests
{
    private static readonly SensitiveFields some = new(
        ["demographic.income", "geographic.location", "geographic.timeZone"],
        [new CustomerAttribute { Name = "illness", Type = "text", Kind = "value", Sensitive = true }],
        [("ill", ["attributes.illness"])]);

    [Theory]
    [InlineData("""{"fields":["type","demographic.income"]}""", "/fields/1")]
    [InlineData("""{"sort":"type, -Demographic.Income"}""", "/sort")]
    [InlineData("""{"most":{"attributes.illness":3}}""", "/most/attributes.illness")]
    [InlineData("""{"field":"predicted.propensity.ill"}""", "/field")]
    [InlineData("""{"field":"hourOfDay"}""", "/field")]
    [InlineData("""{"field":"value.orders","match":{"mode":"max","of":"dayOfWeek"}}""", "/match/of")]
    [InlineData("""{"field":"type","valueSource":"field","value":"month"}""", "/value")]
    [InlineData("""{"field":"type","value":"month","keys":["hourOfDay"]}""", null)]
    [InlineData("""{"goal":{"field":"demographic.income"}}""", "/goal/field")]
    [InlineData("""{"goal":"demographic.income","name":"attributes.illness"}""", null)]
    [InlineData("""{"content":{"field":"demographic.income"}}""", null)]
    public void Name_OfOne_IsFoundWhereverARequestHasIt(string body, string? place) =>
        Assert.Equal(place is null ? [] : [place], some.FindNames(JsonElement.Parse(body)));

    [Theory]
    [InlineData("demographic.birthDate", "demographic.age", "temporal.birthday")]
    [InlineData("demographic.age", "demographic.birthDate", "temporal.birthday")]
    [InlineData(
        "geographic.timeZone", "temporal.localHour", "temporal.localDayOfWeek", "context.hour", "context.dayOfWeek", "context.month",
        "context.date")]
    [InlineData("demographic.income")]
    public void Field_IsSensitive_AsTheOneThatItFollowsFrom(string field, params string[] others)
    {
        var hidden = new SensitiveFields([field], []);
        Assert.All(others.Append(field), name => Assert.True(hidden.Includes(name), name));
        Assert.Equal(field == "geographic.timeZone", hidden.Includes("temporal.localHour"));
        Assert.Equal(field == "geographic.timeZone", hidden.AreAmong(["dayOfWeek"]));
        Assert.Equal(field == "geographic.timeZone", hidden.IsName("behavioral.sequence.hourOfDay", isField: true));
        Assert.False(hidden.Includes("geographic.country"));
    }

    [Fact]
    public void Column_OfOneOrAPart_IsOne()
    {
        Assert.All(
            ["demographic.income", "geographic.location", "geographic.location.latitude", "attributes.illness"],
            name => Assert.True(some.IsPath(name), name));
        Assert.All(["demographic.incomes", "geographic.city", "attributes.ill"], name => Assert.False(some.IsPath(name), name));
        Assert.True(some.AreNamedIn("By \"Demographic.Income\", and others"));
        Assert.False(some.AreNamedIn("demographic.income2, x_attributes.illness"));
    }

    [Fact]
    public void Model_ReadsWhatItIsTold_AndWhatItLearned()
    {
        var settings = new ModelSettings
        {
            Goal = JsonElement.Parse("""{"combinator":"and","rules":[{"field":"hourOfDay","operator":"=","value":3}]}"""),
            Features = ["attributes.plan"],
        };
        Assert.Equal(["attributes.plan", "hourOfDay"], settings.ListFields());
        var features = new PropensityFeatures(
            ["order"], new Dictionary<string, string[]> { ["country"] = ["de"], ["gender"] = [] }, ["plan"]);
        Assert.Equal(["geographic.country", "attributes.plan"], features.ListFields(["signup.days"]));
        Assert.Equal(["geographic.country", "attributes.plan", "demographic.birthDate"], features.ListFields(["age"]));
    }

    [Fact]
    public void Model_OfOne_TellsNothing()
    {
        var told = JsonElement.Parse("1");
        AnalysisWarning[] warnings = [new("weak", "It says little of attributes.illness.")];
        var model = new ModelResource(
            "ill", "propensity", new(), ModelStatus.Ready, 1, null, null, told, told, told, told, warnings, default, null);
        var masked = SensitiveReads.Hide(model, some);
        Assert.All([masked.Parameters, masked.Report, masked.Live], part => Assert.Equal("\"***\"", part!.Value.GetRawText()));
        Assert.Empty(masked.Warnings);
        Assert.Same(model, SensitiveReads.Hide(model, SensitiveFields.None));

        var parameters = JsonSerializer.SerializeToElement(
            new PropensityParameters(
                new([], new Dictionary<string, string[]>(), ["illness"]), new PropensityModel(0, [], new PlattCalibrator(1, 0))),
            Json.Options);
        var version = SensitiveReads.Hide(
            new ModelVersionResource(1, true, default, default, null, new() { Type = "propensity" }, told, parameters, told, warnings),
            some);
        Assert.Equal(("\"***\"", "\"***\""), (version.Parameters.GetRawText(), version.Report.GetRawText()));
        Assert.Empty(version.Warnings);

        AnalysisResource Found(string result, params AnalysisWarning[] warnings) => SensitiveReads.Hide(
            new AnalysisResource(
                "id", "clusters", told, AnalysisStatus.Succeeded, 1, default, null, null, JsonElement.Parse(result), null, warnings),
            some);
        var other = new AnalysisWarning("few", "There are few.");
        foreach (var hidden in new[] { Found("{}", warnings), Found("""{"fields":["demographic.income"]}""", other) })
        {
            Assert.Equal("\"***\"", hidden.Result!.Value.GetRawText());
            Assert.Empty(hidden.Warnings);
        }

        Assert.Equal([other], Found("{}", other).Warnings);
    }

    [Fact]
    public void Clear_TakesAwayWhatIsSensitive_AndNothingElse()
    {
        var hidden = new SensitiveFields(
            ["demographic.income", "customer.email"],
            [new CustomerAttribute { Name = "illness", Type = "text", Kind = "value", Sensitive = true }],
            [("ill", ["attributes.illness"]), ("plain", ["type"])]);
        var customer = new CustomerResource
        {
            Email = "a@example.com",
            FirstName = "Ann",
            Demographic = new() { Income = 71234, Children = 2 },
            Attributes = JsonElement.Parse("""{"illness":"gout","plan":"pro"}"""),
            Predicted = new() { Propensity = new Dictionary<string, decimal> { ["ill"] = 0.5m, ["plain"] = 0.1m, ["deleted"] = 0.7m } },
        };

        // Of a model that is no longer there nobody knows what it had read.
        var shown = (JsonObject)JsonSerializer.SerializeToNode(customer, Json.Options)!;
        hidden.Hide(shown);
        Assert.Equal("""{"ill":"***","plain":0.1,"deleted":"***"}""", shown["predicted"]!["propensity"]!.ToJsonString());
        hidden.Clear(customer);
        Assert.Null(customer.Email);
        Assert.Equal("Ann", customer.FirstName);
        Assert.Null(customer.Demographic.Income);
        Assert.Equal(2, customer.Demographic.Children);
        Assert.Equal("""{"plan":"pro"}""", customer.Attributes.Value.GetRawText());
        Assert.Equal(["plain"], customer.Predicted.Propensity.Keys);
        Assert.Equal(["predicted.propensity.ill"], hidden.Scores);
        hidden.Clear(new CustomerResource());
        var made = CustomerResource.From(
            new Customer { Id = "ann", Email = "a@example.com", FirstName = "Ann" }, DateTimeOffset.UnixEpoch, RfmThresholds.None, hidden);
        Assert.Equal((null, "Ann"), (made.Email, made.FirstName));
    }

    [Fact]
    public void Fixed_Each_IsTakenAway_AndKept()
    {
        const string profile = """
            {"email":"a@example.com","firstName":"Ann","lastName":"Lee",
            "demographic":{"birthDate":"1980-02-01","gender":"female","education":"phd","occupation":"nurse","maritalStatus":"single",
                "language":"de","income":71234,"householdSize":3,"children":2},
            "geographic":{"country":"DE","region":"Hesse","city":"Kassel","postalCode":"34117","timeZone":"Europe/Berlin",
                "climate":"temperate","location":{"latitude":51.3,"longitude":9.5}},
            "psychographic":{"interests":["art"],"values":["success"],"attitudes":["open"],"motivations":["fun"],"lifestyle":"urban",
                "personality":"calm"}}
            """;
        var zones = world.Server.Services.GetRequiredService<TimeZones>();
        foreach (var name in SensitiveFields.Known)
        {
            var (hidden, customer) = (new SensitiveFields([name], []), new Customer { Id = "ann" });
            Send(customer, profile);
            var value = Find(customer, SensitiveFields.None);
            Assert.True(value is not ("" or "[]"), name);
            Assert.Equal("", Find(customer, hidden));
            hidden.Keep(customer, () => Send(customer, "{}"));
            Assert.Equal(value, Find(customer, SensitiveFields.None));

            string Find(Customer from, SensitiveFields without) => SensitiveFields.PathOf(name).Split('.').Aggregate(
                JsonSerializer.SerializeToNode(
                    CustomerResource.From(from, DateTimeOffset.UtcNow, RfmThresholds.None, without), Json.Options),
                (node, part) => node?[part])?.ToJsonString() ?? "";
        }

        void Send(Customer customer, string json)
        {
            var resource = JsonSerializer.Deserialize<CustomerResource>(json, Json.Options)!;
            resource.Normalize(zones);
            resource.ApplyTo(customer, new Dictionary<string, CustomerAttribute>(), DateTimeOffset.UnixEpoch);
        }
    }

    [Fact]
    public void Known_AreFieldsOfTheCatalog()
    {
        var all = world.Server.Services.GetRequiredService<Segmentation.Api.Segments.CustomerFields>()
            .Catalog(Backend.Sql, historical: false, []);
        Assert.All(SensitiveFields.Known, name => Assert.NotNull(all.Find(name)));
    }
}
