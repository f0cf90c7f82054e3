using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Segmentation.Api.Data;

/// <summary>A query of EF Core's as a part of a statement that is written by hand.</summary>
/// <param name="Text">The SQL, without its parameters' values.</param>
/// <param name="Parameters">Named as no other part's are.</param>
internal sealed partial record SqlPart(string Text, IReadOnlyList<NpgsqlParameter> Parameters)
{
    /// <summary>What the query reads, in the order of its columns.</summary>
    /// <param name="prefix">What its parameters' names begin with in the statement.</param>
    public static SqlPart Create(IQueryable query, string prefix)
    {
        using var command = (NpgsqlCommand)query.CreateDbCommand();
        var names = command.Parameters.Select(p => p.ParameterName.TrimStart('@')).ToHashSet(StringComparer.Ordinal);
        return new SqlPart(
            Name().Replace(command.CommandText, n => names.Contains(n.Groups[1].Value) ? $"@{prefix}{n.Groups[1].Value}" : n.Value),
            [.. command.Parameters.Select(Rename)]);

        NpgsqlParameter Rename(NpgsqlParameter parameter)
        {
            var copy = parameter.Clone();
            copy.ParameterName = prefix + parameter.ParameterName.TrimStart('@');
            return copy;
        }
    }

    /// <summary>The same under other names, for another statement: a parameter is of one alone.</summary>
    public NpgsqlParameter[] CopyParameters() => [.. Parameters.Select(p => p.Clone())];

    [GeneratedRegex(@"@(\w+)")]
    private static partial Regex Name();
}
