using System.Globalization;
using System.Text.Json.Nodes;
using Segmentation.Api.Segments;
using Segmentation.Models.Statistics;
using Segmentation.Rules;
using Segmentation.Rules.Catalog;

namespace Segmentation.Api.Insight;

/// <summary>Collects the tests of a profile from what was counted.</summary>
internal sealed class ProfileTestList(long members, long others, int days, Evaluation at, ProfileFields fields, int minimumGroup)
{
    private const double DaysOfMicrosecond = 1 / 86_400e6;

    /// <summary>When events count, in words.</summary>
    public string Lately { get; } = $"in the last {(days == 1 ? "day" : $"{days.ToString(CultureInfo.InvariantCulture)} days")}";

    public long Members => members;

    public long Others => others;

    public List<TraitTest> Traits { get; } = [];

    public List<NumberTest> Numbers { get; } = [];

    /// <summary>Values that are not tested.</summary>
    public long Other { get; private set; }

    public bool IsByDefinition(ProfileSubject subject) => fields.IsByDefinition(subject);

    public void AddValues(Field field, ValueCounts counts)
    {
        var (subject, label) = (new ProfileSubject(field.Name, field.Label, field.Type), ProfileRules.LowerFirst(field.Label));
        var isFlag = field.Type == FieldType.Boolean;
        foreach (var value in counts.Values)
        {
            if (value.Value is not { } text)
            {
                AddMissing(subject, value.Members, value.Others);
            }
            else if (isFlag && text == "true")
            {
                Add(subject, ProfileRules.Condition(field.Name, "=", true), true, $"have {label}", label, value.Members, value.Others);
            }
            else if (!isFlag)
            {
                var rule = ProfileRules.Condition(field.Name, "=", text);
                Add(subject, rule, text, $"have the {label} {text}", $"{label} {text}", value.Members, value.Others);
            }
        }

        Other += isFlag ? 0 : counts.Other;
    }

    public void AddElements(Field field, ValueCounts counts)
    {
        var (subject, label) = (new ProfileSubject(field.Name, field.Label, field.Type), ProfileRules.LowerFirst(field.Label));
        foreach (var value in counts.Values)
        {
            if (value.Value is { } text)
            {
                var rule = ProfileRules.Condition(field.Name, "contains", new JsonArray(text));
                Add(subject, rule, text, $"have {text} among their {label}", $"{text} among {label}", value.Members, value.Others);
            }
            else
            {
                AddMissing(subject, value.Members, value.Others);
            }
        }

        Other += counts.Other;
    }

    public void AddConsents(ValueCounts counts)
    {
        foreach (var value in counts.Values.Where(v => v.Value is not null))
        {
            var (field, name) = ($"{DefinitionSet.ConsentPrefix}{value.Value}", $"consent to {value.Value}");
            Add(
                new ProfileSubject(field, name, FieldType.Boolean), ProfileRules.Condition(field, "=", true), true, name, name,
                value.Members, value.Others);
        }

        Other += counts.Other;
    }

    public void AddEvents(EventCounts type)
    {
        var subject = new ProfileSubject("behavioral.events", type.Sent, FieldType.Events, type.Sent);
        Add(
            subject, ProfileRules.Did(type.Sent, days), null, $"did {type.Sent} {Lately}", $"{type.Sent} {Lately}", type.Members,
            type.Others);

        // Who did nothing of the kind has a number as well.
        List<(double Value, long Members, long Others)> times = [.. type.Times];
        if (type.Members < members || type.Others < others)
        {
            times.Insert(0, (0, members - type.Members, others - type.Others));
        }

        Add(
            subject, new NumberComparison(times), 1, null, number => new ProfileBound(number, (decimal)number),
            (from, to) => ProfileRules.DidTimes(type.Sent, days, from?.Told, to?.Told));
    }

    public void AddProperty(string type, string path, List<(string Kind, string Value, long Members, long Others)> values)
    {
        var subject = new ProfileSubject("behavioral.events", type, FieldType.Events, type, path);
        foreach (var (kind, text, m, o) in values)
        {
            var value = kind == "string" ? JsonValue.Create(text) : JsonNode.Parse(text)!;
            var rule = ProfileRules.Did(type, days, property: (path, value));
            Add(subject, rule, value, $"did {type} with {path} {text} {Lately}", $"{type} with {path} {text} {Lately}", m, o);
        }
    }

    public void AddNumbers(Field field, NumberComparison numbers)
    {
        var subject = new ProfileSubject(field.Name, field.Label, field.Type);
        AddMissing(subject, members - (numbers.Members?.Count ?? 0), others - (numbers.Others?.Count ?? 0));
        Add(
            subject, numbers, field.Type == FieldType.Instant ? DaysOfMicrosecond : 1,
            field.Type is FieldType.Instant or FieldType.Date ? "days before" : null,
            number => ProfileRules.FindBound(field, number, at),
            (from, to) => ProfileRules.Between(field, from?.Told, to?.Told));
    }

    private void AddMissing(ProfileSubject subject, long m, long o)
    {
        var label = ProfileRules.LowerFirst(subject.Label);
        Add(subject, ProfileRules.Condition(subject.Field, "null"), null, $"have no {label} on record", $"no {label}", m, o);
    }

    private void Add(ProfileSubject subject, JsonObject rule, JsonNode? value, string phrase, string name, long m, long o)
    {
        var comparison = new ProportionComparison(new(m, members), new(o, others));
        if (m + o >= minimumGroup && TraitTest.IsTest(comparison))
        {
            Traits.Add(new TraitTest(subject, rule, value, phrase, name, comparison));
        }
    }

    private void Add(
        ProfileSubject subject, NumberComparison numbers, double scale, string? unit, Func<double, ProfileBound?> bound,
        Func<ProfileBound?, ProfileBound?, JsonObject> range)
    {
        if (!numbers.IsConstant && numbers.Superiority() is { } superiority)
        {
            var bounds = numbers.FindDeciles().Select(bound).OfType<ProfileBound>().Where(b => b.Number > numbers.Least)
                .DistinctBy(b => b.Number).OrderBy(b => b.Number).ToList();
            Numbers.Add(new NumberTest(subject, numbers, superiority, scale, unit, bounds, range));
        }
    }
}
