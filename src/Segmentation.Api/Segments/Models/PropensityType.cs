using Segmentation.Api.Data;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>Propensity: the probability of at least one event that a goal describes, within some days.</summary>
internal sealed class PropensityType(SegmentationDb db, DefinitionCache definitions, MetricEvents events) : ModelType
{
    /// <summary>What settings say in <c>type</c>.</summary>
    public const string TypeName = "propensity";

    /// <summary>What the name of an attribute begins with.</summary>
    public const string AttributePrefix = "attributes.";

    private const int MaxFeatures = 20;
    private const int MaxNameLength = 200;

    public override string Name => TypeName;

    internal override ModelSettings Complete(ModelSettings settings, List<RuleError> errors)
    {
        Require(settings.Name is { Length: > 0 and <= MaxNameLength }, "/name", "name is needed: 1 to 200 characters.", errors);
        Require(
            settings.WithinDays is null or (>= 1 and <= 365), "/withinDays", "withinDays must be an integer from 1 to 365.", errors);
        if (settings.Goal is null)
        {
            errors.Add(new RuleError("/goal", "goal is needed: a group of rules over one event, as in behavioral.events."));
        }
        else
        {
            errors.AddRange(events.Compile(settings.Goal).Errors.Select(e => new RuleError($"/goal{e.Pointer}", e.Message)));
        }

        Require(
            settings.Features is null || settings.Features.Count <= MaxFeatures, "/features", $"features are at most {MaxFeatures}.",
            errors);
        return new ModelSettings
        {
            Type = Name,
            Name = settings.Name,
            Goal = settings.Goal,
            WithinDays = settings.WithinDays ?? 30,
            Population = settings.Population,
            Features = settings.Features ?? [],
            RefitDays = RefitDays(settings, errors),
        };
    }

    internal override async Task<IReadOnlyList<string>> ListUsersAsync(string key, CancellationToken cancellation)
    {
        // Through other segments as well: one that refers to an invalid segment is invalid.
        var all = await definitions.GetAsync(db, cancellation);
        return [.. all.SelectActive(all.FindAffected(all.FindFieldUsers(PropensityName.Prefix + key))).Select(s => s.Key)];
    }

    internal override async Task CheckAsync(ModelSettings settings, List<RuleError> errors, CancellationToken cancellation)
    {
        var all = await definitions.GetAsync(db, cancellation);
        if (settings.Population is { } population && !all.Segments.ContainsKey(population))
        {
            errors.Add(new RuleError("/population", SegmentKeys.DescribeUnknown(all, population)));
        }

        var names = all.Attributes.Where(a => a.Type != "set").Select(a => AttributePrefix + a.Name).ToList();
        foreach (var (i, feature) in (settings.Features ?? []).Index())
        {
            if (settings.Features!.Take(i).Contains(feature))
            {
                errors.Add(new RuleError($"/features/{i}", $"{ErrorText.Quote(feature ?? "")} is there already."));
            }
            else if (!names.Contains(feature))
            {
                var hint = NearestName.Find(feature ?? "", names) is { } nearest
                    ? $"Did you mean \"{nearest}\"?"
                    : "GET /api/v1/attributes lists what there is.";
                errors.Add(new RuleError(
                    $"/features/{i}",
                    $"features are attributes of one value, as attributes.plan, not {ErrorText.Quote(feature ?? "")}. {hint}"));
            }
        }
    }
}
