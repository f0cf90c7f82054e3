using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Api.Data;

namespace Segmentation.Api.Customers;

/// <summary>
/// One property of a profile, as expressions over the same parameters: <see cref="ProfileProperties"/> joins those of all properties into
/// one function for each purpose, so that a customer costs no loop and no reflection.
/// </summary>
/// <param name="property">The property of <see cref="Resource"/>.</param>
internal sealed class ProfileProperty(Expression property)
{
    public static readonly ParameterExpression Customer = Expression.Parameter(typeof(Customer), "customer");
    public static readonly ParameterExpression Resource = Expression.Parameter(typeof(CustomerResource), "resource");
    public static readonly ParameterExpression Now = Expression.Parameter(typeof(DateTimeOffset), "now");
    public static readonly ParameterExpression From = Expression.Parameter(typeof(Customer), "from");
    public static readonly ParameterExpression Named = Expression.Parameter(typeof(ulong), "named");
    public static readonly ParameterExpression Zones = Expression.Parameter(typeof(TimeZones), "zones");

    /// <summary>JSON Pointer to the property.</summary>
    public string Pointer { get; } = PointerTo(property);

    /// <summary>Sets it in the resource to what the customer has.</summary>
    public Expression? Show { get; init; }

    /// <summary>Sets it in the customer to what the resource has.</summary>
    public Expression? Apply { get; init; }

    /// <summary>Sets it in the customer to what another has.</summary>
    public Expression? Merge { get; init; }

    /// <summary>The member of the customer that holds it, where it is sent.</summary>
    public MemberExpression? Column { get; init; }

    /// <summary>Brings it in the resource into the form that is stored.</summary>
    public Expression? Normalize { get; init; }

    /// <summary>What is wrong with it in the resource, to follow its name; null when nothing is.</summary>
    public Expression? Fault { get; init; }

    private static string PointerTo(Expression property) => property is MemberExpression { Expression: { } parent, Member.Name: var name }
        ? $"{PointerTo(parent)}/{JsonNamingPolicy.CamelCase.ConvertName(name)}"
        : "";
}
