using System.Linq.Expressions;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;

namespace Segmentation.Api.Segments;

/// <summary>A rule at an instant, as a query's predicate.</summary>
public sealed record MemberPredicate(Expression<Func<Customer, bool>> Predicate, DateTimeOffset EvaluatedAt);
