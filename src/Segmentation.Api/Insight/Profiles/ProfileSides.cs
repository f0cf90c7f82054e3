using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Rules;
using Segmentation.Rules.Backends.Sql;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Insight;

/// <summary>
/// Who is compared with whom, in a temporary table that each statement of a profile joins: a row a customer, with the side and the
/// numbers, so that a field is a sort of a narrow table.
/// </summary>
internal sealed class ProfileSides(SegmentationDb db, Evaluation at)
{
    /// <summary>The temporary table.</summary>
    public const string Table = "profile_sides";

    private readonly ParameterExpression customer = Expression.Parameter(typeof(Customer), "c");

    /// <summary>The clock.</summary>
    public Evaluation At => at;

    /// <summary>Makes the table: of each number's field a column n0, n1, …, dates as what lies between them and the instant.</summary>
    /// <param name="pool">Those who are on either side.</param>
    /// <param name="member">Those of them who are members.</param>
    /// <param name="numbers">Of numbers, dates and instants.</param>
    /// <returns>How many are on either side.</returns>
    public async Task<(long Members, long Others)> CreateAsync(
        Expression<Func<Customer, bool>> pool, Expression<Func<Customer, bool>> member, IReadOnlyList<Field> numbers,
        CancellationToken cancellation)
    {
        Expression[] columns =
        [
            Expression.Property(customer, nameof(Customer.Key)),
            Splice.Body(member, customer),
            .. numbers.Select(Read),
        ];
        await using var command = Select(pool, columns);
        command.CommandText =
            $"""
            CREATE TEMPORARY TABLE {Table} ON COMMIT DROP AS
            SELECT key, member{string.Concat(numbers.Select((f, i) => $", {ToNumber(f.Type, $"n{i}")} AS n{i}"))}
            FROM ({command.CommandText}) AS c (key, member{string.Concat(numbers.Select((_, i) => $", n{i}"))})
            """;
        AddClock(command);
        await command.ExecuteNonQueryAsync(cancellation);

        // Nobody does so for a temporary table; without it each number would be hashed as if it had few values.
        await ExecuteAsync($"ANALYZE {Table}", cancellation);
        await using var count = Create($"SELECT count(*) FILTER (WHERE member), count(*) FILTER (WHERE NOT member) FROM {Table}");
        await using var reader = await count.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return (reader.GetInt64(0), reader.GetInt64(1));
    }

    /// <summary>
    /// Whether a field reads anything of a customer. RFM scores without thresholds don't: all are missing, and EF Core would make one
    /// column of several that are the same constant.
    /// </summary>
    public bool ReadsCustomer(Field field) => Mentions(Fold(Read(field)));

    /// <summary>A field's value at the instant.</summary>
    public Expression Read(Field field) =>
        Read(field.Access is OrderedAccess ordered ? ordered.Value : ((ScalarAccess)field.Access).Value);

    /// <summary>What a field's function reads, at the instant.</summary>
    public Expression Read(LambdaExpression field)
    {
        var clock = Expression.Parameter(typeof(Evaluation), "x");
        return new QueryBinder(clock, at, db.Rows).Visit(Splice.Body(field, customer, clock));
    }

    /// <summary>A statement that reads columns of customers, in their order.</summary>
    public NpgsqlCommand Select(Expression<Func<Customer, bool>>? pool, IEnumerable<Expression> columns)
    {
        var row = Expression.NewArrayInit(typeof(object), columns.Select(c => Expression.Convert(c, typeof(object))));
        var unrestricted = db.Customers.Where(c => c.RestrictedAt == null);
        var customers = pool is null ? unrestricted : unrestricted.Where(pool);
        return Join((NpgsqlCommand)customers.Select(Expression.Lambda<Func<Customer, object[]>>(row, customer)).CreateDbCommand());
    }

    /// <summary>A statement of its own.</summary>
    public NpgsqlCommand Create(string sql) => Join(new NpgsqlCommand(sql, (NpgsqlConnection)db.Database.GetDbConnection()));

    /// <summary>The parameters of <see cref="ToNumber"/>.</summary>
    public void AddClock(NpgsqlCommand command)
    {
        command.Parameters.AddWithValue("profile_at", at.AsOf.UtcDateTime);
        command.Parameters.AddWithValue("profile_today", at.Today);
    }

    /// <summary>Runs a statement without parameters.</summary>
    public async Task ExecuteAsync(string sql, CancellationToken cancellation)
    {
        await using var command = Create(sql);
        await command.ExecuteNonQueryAsync(cancellation);
    }

    // What is decided without a customer, as far as it decides what is read.
    private Expression Fold(Expression read) => read switch
    {
        ConditionalExpression choice when Fold(choice.Test) is ConstantExpression { Value: bool chosen } =>
            Fold(chosen ? choice.IfTrue : choice.IfFalse),
        BinaryExpression { NodeType: ExpressionType.AndAlso } both
            when Fold(both.Left) is ConstantExpression { Value: false } never => never,
        MemberExpression when !Mentions(read) => Expression.Constant(Expression.Lambda(read).Compile().DynamicInvoke(), read.Type),
        _ => read,
    };

    private bool Mentions(Expression read)
    {
        var search = new Search(customer);
        search.Visit(read);
        return search.Found;
    }

    /// <summary>How a statement tells when somebody's number is: microseconds or days before the instant.</summary>
    internal static string ToNumber(FieldType type, string column) => type switch
    {
        FieldType.Instant => $"round(date_part('epoch', @profile_at - {column}) * 1e6)", // Exact: of 285 years, a double has each.
        FieldType.Date => $"(@profile_today::date - {column})::float8",
        _ => $"{column}::float8",
    };

    // None of these is alike another: a plan that is kept would only take room.
    private static NpgsqlCommand Join(NpgsqlCommand command)
    {
        command.CommandTimeout = 0; // The server's own limit, and the token, hold.
        return command;
    }

    private sealed class Search(ParameterExpression searched) : ExpressionVisitor
    {
        public bool Found { get; private set; }

        protected override Expression VisitParameter(ParameterExpression node)
        {
            Found |= node == searched;
            return node;
        }
    }
}
