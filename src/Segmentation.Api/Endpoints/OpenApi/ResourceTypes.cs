using System.ComponentModel;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Segmentation.Api.Http;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>The types that requests and answers are made of, found from the operations.</summary>
internal sealed class ResourceTypes
{
    private readonly Dictionary<Type, IReadOnlyList<ResourceProperty>> properties = [];

    public ResourceTypes(IEnumerable<ApiDescription> operations)
    {
        // They have no types before they are used.
        Json.Options.MakeReadOnly(populateMissingResolver: true);
        Walk(RecordsFilter.Record, Requests);
        foreach (var operation in operations)
        {
            foreach (var body in operation.ParameterDescriptions.Where(p => p.Source == BindingSource.Body && p.Type is not null))
            {
                Walk(body.Type, Requests);
            }

            foreach (var answer in operation.SupportedResponseTypes.Where(r => r.Type is not null && r.Type != typeof(void)))
            {
                Walk(answer.Type!, Answers);
            }
        }

        // Until nothing is added: what holds something that has two forms has two itself.
        while (Requests.Where(t => Answers.Contains(t) && !TwoForms.Contains(t) && Differs(t)).ToList() is { Count: > 0 } found)
        {
            TwoForms.UnionWith(found);
        }
    }

    public HashSet<Type> Requests { get; } = [];

    public HashSet<Type> Answers { get; } = [];

    /// <summary>What requests and answers both have, and not in the same form.</summary>
    public HashSet<Type> TwoForms { get; } = [];

    public IReadOnlyList<ResourceProperty> ListProperties(Type type) => properties[type];

    private bool Differs(Type type) => properties[type].Any(p =>
        p.IsReadOnly || p.IsRequiredInRequests != p.IsRequiredInAnswers || (p.Item is { } item && TwoForms.Contains(item)));

    private void Walk(Type type, HashSet<Type> into)
    {
        if (FindObject(type) is not { } item || !into.Add(item))
        {
            return;
        }

        var all = Json.Options.GetTypeInfo(item).Properties.Where(p => p.AttributeProvider is PropertyInfo)
            .Select(p => new ResourceProperty(p)).ToList();
        properties[item] = all;
        foreach (var property in all.Where(p => into != Requests || !p.IsReadOnly))
        {
            Walk(property.Type, into);
        }
    }

    /// <summary>The type of object that is this, or that this is a list or dictionary of; null where it is of none.</summary>
    public static Type? FindObject(Type type)
    {
        var info = Json.Options.GetTypeInfo(Nullable.GetUnderlyingType(type) ?? type);
        return info.Kind switch
        {
            JsonTypeInfoKind.Object when info.Type != typeof(object) => info.Type,
            JsonTypeInfoKind.Enumerable or JsonTypeInfoKind.Dictionary => FindObject(info.ElementType!),
            _ => null,
        };
    }
}

/// <summary>A property of a request or an answer.</summary>
internal sealed class ResourceProperty
{
    public ResourceProperty(JsonPropertyInfo property)
    {
        var member = (PropertyInfo)property.AttributeProvider!;
        var canBeNull = new NullabilityInfoContext().Create(member).ReadState == NullabilityState.Nullable;
        Name = property.Name;
        Type = property.PropertyType;
        Item = ResourceTypes.FindObject(property.PropertyType);
        IsOptionalValue = canBeNull && Nullable.GetUnderlyingType(Type) is { } value && value != typeof(JsonElement);
        IsReadOnly = member.GetCustomAttribute<ReadOnlyAttribute>()?.IsReadOnly == true;
        IsNullShown = canBeNull && member.GetCustomAttribute<JsonIgnoreAttribute>()?.Condition == JsonIgnoreCondition.Never;
        IsRequiredInAnswers = !canBeNull || IsNullShown || member.IsDefined(typeof(AlwaysAnsweredAttribute));
        IsRequiredInRequests = member.IsDefined(typeof(NeededAttribute))
            || (!canBeNull && property.AssociatedParameter is not { HasDefaultValue: true });
    }

    public string Name { get; }

    public Type Type { get; }

    /// <summary>The type of object that it holds, one or more; null where it holds none.</summary>
    public Type? Item { get; }

    /// <summary>A number, a boolean, an instant or a word of a list that may be missing.</summary>
    public bool IsOptionalValue { get; }

    public bool IsReadOnly { get; }

    /// <summary>Whether answers show a null: else it is left out.</summary>
    public bool IsNullShown { get; }

    public bool IsRequiredInAnswers { get; }

    public bool IsRequiredInRequests { get; }
}
