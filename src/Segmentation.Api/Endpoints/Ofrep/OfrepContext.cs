using System.Buffers;
using System.Text.Json;
using Segmentation.Api.Http;
using Segmentation.Api.Playbooks;

namespace Segmentation.Api.Endpoints;

/// <summary>Reads OpenFeature's evaluation context as a request for decisions.</summary>
internal static class OfrepContext
{
    private const string TargetingKey = "targetingKey", CustomerId = "customerId", Anonymous = "anonymous", Custom = "custom";

    private const int MaxDepth = 60;

    // What a member's own name is in the request.
    private static readonly HashSet<string> OfRequest = ["placements", "consents", "events", "record", "customerProof"];

    private static readonly HashSet<string> OfContext =
        [.. Json.Options.GetTypeInfo(typeof(ContextResource)).Properties.Select(p => p.Name)];

    /// <summary>The request that a context is.</summary>
    /// <exception cref="ApiProblem">400: it is no object.</exception>
    /// <exception cref="OfrepFault">A member is missing, or of the wrong type.</exception>
    public static DecisionRequest Read(JsonElement? sent)
    {
        if (sent is not { ValueKind: JsonValueKind.Object } context)
        {
            throw ApiProblem.Invalid("/context", "context must be an object.");
        }

        if (Json.Unfit(context, MaxDepth) is { } unfit)
        {
            throw OfrepFault.InvalidContext(unfit);
        }

        if (!context.TryGetProperty(TargetingKey, out var visitor) || visitor.ValueKind != JsonValueKind.String
            || visitor.ValueEquals(""))
        {
            throw OfrepFault.TargetingKeyMissing();
        }

        var body = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(body))
        {
            Write(writer, context, visitor, FindCustomer(context) ?? (IsAnonymous(context) ? null : visitor));
        }

        try
        {
            return (DecisionRequest)JsonBodyFormatter.Read(body.WrittenSpan, typeof(DecisionRequest));
        }
        catch (ApiProblem problem)
        {
            throw OfrepFault.InvalidContext(Describe(problem));
        }
    }

    /// <summary>The question that such a request is.</summary>
    /// <exception cref="OfrepFault">A member of the context is not what it must be.</exception>
    public static Question Check(QuestionCheck check, DecisionRequest request)
    {
        try
        {
            return check.Check(request);
        }
        catch (ApiProblem problem)
        {
            throw OfrepFault.InvalidContext(Describe(problem));
        }
    }

    private static JsonElement? FindCustomer(JsonElement context) =>
        context.TryGetProperty(CustomerId, out var id) && id.ValueKind != JsonValueKind.Null ? id : null;

    private static bool IsAnonymous(JsonElement context) =>
        context.TryGetProperty(Anonymous, out var anonymous) && anonymous.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False or JsonValueKind.Null => false,
            _ => throw OfrepFault.InvalidContext($"{Anonymous}: Must be true or false."),
        };

    private static void Write(Utf8JsonWriter writer, JsonElement context, JsonElement visitor, JsonElement? customer)
    {
        writer.WriteStartObject();
        Add("visitorId", visitor);
        if (customer is { } known)
        {
            Add(CustomerId, known);
        }

        foreach (var member in context.EnumerateObject().Where(m => OfRequest.Contains(m.Name)))
        {
            Add(member.Name, member.Value);
        }

        writer.WriteStartObject("context");
        foreach (var member in context.EnumerateObject().Where(m => OfContext.Contains(m.Name) && m.Name != Custom))
        {
            Add(member.Name, member.Value);
        }

        if (context.TryGetProperty(Custom, out var custom) && custom.ValueKind is not (JsonValueKind.Object or JsonValueKind.Null))
        {
            Add(Custom, custom);
        }
        else
        {
            WriteCustom(writer, context, custom);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();

        void Add(string name, JsonElement value)
        {
            writer.WritePropertyName(name);
            value.WriteTo(writer);
        }
    }

    // What is named custom comes first; what stands beside it is custom too.
    private static void WriteCustom(Utf8JsonWriter writer, JsonElement context, JsonElement custom)
    {
        writer.WriteStartObject(Custom);
        var isObject = custom.ValueKind == JsonValueKind.Object;
        if (isObject)
        {
            foreach (var member in custom.EnumerateObject())
            {
                member.WriteTo(writer);
            }
        }

        foreach (var member in context.EnumerateObject().Where(m => IsOther(m.Name) && ContextFields.CanBeCustom(m.Name)))
        {
            if (!isObject || !custom.TryGetProperty(member.Name, out _))
            {
                member.WriteTo(writer);
            }
        }

        writer.WriteEndObject();
    }

    private static bool IsOther(string name) =>
        name is not (TargetingKey or CustomerId or Anonymous) && !OfRequest.Contains(name) && !OfContext.Contains(name);

    // By the members of the context that was sent: "/context/device" is "device".
    private static string Describe(ApiProblem problem) => OfrepErrorsAttribute.Describe(
        problem,
        place => place == "/visitorId" ? TargetingKey
            : place.StartsWith("/context/", StringComparison.Ordinal) ? place["/context/".Length..]
            : place.TrimStart('/'));
}
