using System.Linq.Expressions;
using Segmentation.Api.Customers;

namespace Segmentation.Api.Segments;

/// <summary>A rule at an instant, as a query's predicate.</summary>
/// <param name="IsStored">Whether it reads stored membership, of which a page costs what the page's members cost.</param>
public sealed record MemberPredicate(
    Expression<Func<Customer, bool>> Predicate, DateTimeOffset EvaluatedAt, bool IsStored = false);
