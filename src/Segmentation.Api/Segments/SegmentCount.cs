using System.Linq.Expressions;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Rules;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Segments;

/// <summary>How many customers match.</summary>
/// <param name="Share">0 to 1 of all customers; 0 when there are none.</param>
public sealed record SegmentCount(long Count, long Total, decimal Share, DateTimeOffset EvaluatedAt);
