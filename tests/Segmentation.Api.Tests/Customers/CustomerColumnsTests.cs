using System.ComponentModel;
using System.Reflection;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;

namespace Segmentation.Api.Tests.Customers;

/// <summary>Who makes a customer's columns: what is said of it is what is done.</summary>
public sealed class CustomerColumnsTests
{
    private static readonly IModel model = new DesignTimeDbFactory().CreateDbContext([]).Model;

    [Theory]
    [InlineData(Maker.Events, "EventCount FirstEventAt FirstSeenAt LastEventAt LastSeenAt")]
    [InlineData(Maker.Orders, "FirstOrderAt LastOrderAt LifetimeValue OrderAmount OrderCount")]
    [InlineData(Maker.Refunds, "LifetimeValue")]
    [InlineData(
        Maker.Feedback,
        "LastFeedbackAt SentimentAt1 SentimentAt2 SentimentAt3 SentimentAt4 SentimentAt5 "
        + "SentimentMean1 SentimentMean2 SentimentMean3 SentimentMean4 SentimentMean5")]
    [InlineData(Maker.Write, "UpdatedAt Version")]
    [InlineData(Maker.OtherRows, "ConsentRecords Events ManualMemberships MemberOf Rank")]
    [InlineData(Maker.Restriction, "RestrictedAt RestrictionReason")]
    internal void MadeBy_EachMaker(Maker maker, string members) =>
        Assert.Equal(members.Split(' '), CustomerColumns.MadeBy(maker).Order(StringComparer.Ordinal));

    // An import overwrites the profile's columns: one that something else makes, and that is not marked so, would be lost by it.
    [Fact]
    public void ApplyTo_WholeProfile_SetsTheProfilesColumnsAndNoOthers()
    {
        var customer = new Customer { Id = "" };
        var resource = (CustomerResource)Fill(typeof(CustomerResource));
        var attributes = new Dictionary<string, CustomerAttribute> { ["plan"] = new() { Name = "plan", Type = "text", Kind = "value" } };
        resource.ApplyTo(customer, attributes, DateTimeOffset.UnixEpoch.AddDays(1));

        var set = model.FindEntityType(typeof(Customer))!.GetFlattenedProperties().Where(p => !IsEmpty(Read(customer, p)))
            .Select(p => p.GetColumnName());
        var expected = CustomerColumns.ColumnsMadeBy(model, Maker.Profile).Concat(
            ["first_seen_at", "last_seen_at", "updated_at", "version"]);
        Assert.Equal(expected.Order(StringComparer.Ordinal), set.Order(StringComparer.Ordinal));
    }

    private static object? Read(object of, IReadOnlyPropertyBase property) => property.PropertyInfo!.GetValue(
        property.DeclaringType is IReadOnlyComplexType part ? Read(of, part.ComplexProperty) : of);

    private static bool IsEmpty(object? value) => value switch
    {
        null or "" or Array { Length: 0 } => true,
        ValueType number => number.Equals(Activator.CreateInstance(number.GetType())),
        _ => false,
    };

    // All that may be sent, whatever it is.
    private static object Fill(Type type)
    {
        var bare = Nullable.GetUnderlyingType(type) ?? type;
        return bare == typeof(string) ? "x"
            : bare == typeof(string[]) ? new[] { "x" }
            : bare == typeof(int) ? 1
            : bare == typeof(decimal) ? 1m
            : bare == typeof(double) ? 1.0
            : bare == typeof(DateOnly) ? new DateOnly(2000, 1, 1)
            : bare == typeof(DateTimeOffset) ? DateTimeOffset.UnixEpoch.AddDays(1)
            : bare == typeof(JsonElement) ? JsonElement.Parse("""{"plan":"x"}""")
            : bare == typeof(Dictionary<string, ConsentResource?>)
            ? new Dictionary<string, ConsentResource?> { ["x"] = new() { Granted = true } }
            : FillObject(bare);
    }

    private static object FillObject(Type type)
    {
        var filled = Activator.CreateInstance(type)!;
        foreach (var property in type.GetProperties().Where(p => p.GetCustomAttribute<ReadOnlyAttribute>() is null))
        {
            property.SetValue(filled, Fill(property.PropertyType));
        }

        return filled;
    }
}
