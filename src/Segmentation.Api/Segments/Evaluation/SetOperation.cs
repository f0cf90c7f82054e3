using System.Linq.Expressions;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Segmentation.Api.Segments;

/// <summary>How segments are put together.</summary>
public enum SetOperation { Union, Intersection, Difference }
