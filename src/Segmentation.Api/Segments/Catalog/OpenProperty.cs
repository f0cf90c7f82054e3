using System.Linq.Expressions;
using System.Text.Json;
using Segmentation.Api.Data;
using Segmentation.Rules;
using Segmentation.Rules.Catalog;
using Segmentation.Rules.Expressions;

namespace Segmentation.Api.Segments;

/// <summary>Fields of an open family: values in a JSON object, of which each item has its own.</summary>
internal static class OpenProperty
{
    /// <summary>Characters of a name.</summary>
    public const int NameMaxLength = 256;

    /// <summary>The field of that name; null where it is none of the family. Dots descend into nested objects.</summary>
    /// <param name="prefix">How the family's names begin, with the dot.</param>
    /// <param name="document">The object, folded (<c>EventProperties.Fold</c>).</param>
    /// <param name="text">Reads a text of it.</param>
    public static Field? Create<T>(
        string prefix,
        string name,
        string kind,
        string description,
        Expression<Func<T, JsonElement?>> document,
        Expression<Func<T, string[], string?>> text)
    {
        if (!name.StartsWith(prefix, StringComparison.Ordinal) || name.Length > NameMaxLength || name.EndsWith('.')
            || name.Contains("..", StringComparison.Ordinal))
        {
            return null;
        }

        // The path is the rule's own, so it is a parameter like any value.
        var path = Literal<string[]>.Create(name[prefix.Length..].Split('.'));
        var (item, clock) = (document.Parameters[0], Expression.Parameter(typeof(Evaluation), "x"));
        return new Field(name, kind, FieldType.Property, name, description, new PropertyAccess(
            Expression.Lambda(Splice.Body(text, item, path), item, clock),
            Read((d, p) => JsonValue.Number(d, p)),
            Read((d, p) => JsonValue.Boolean(d, p)),
            Read((d, p) => JsonValue.Exists(d, p)),
            Read((d, p) => JsonValue.Scalar(d, p)),
            Read((d, p) => JsonValue.LargeNumber(d, p))));

        LambdaExpression Read<TValue>(Expression<Func<JsonElement?, string[], TValue>> read) =>
            Expression.Lambda(Splice.Body(read, document.Body, path), item, clock);
    }
}
