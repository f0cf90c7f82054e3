using System.Linq.Expressions;
using Segmentation.Api.Customers;

namespace Segmentation.Api.Segments;

/// <summary>A rule at an instant, as a query's predicate.</summary>
public sealed record MemberPredicate(Expression<Func<Customer, bool>> Predicate, DateTimeOffset EvaluatedAt);
