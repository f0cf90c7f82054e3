using System.Text.RegularExpressions;
using Segmentation.Api.Http;
using Segmentation.Api.Segments;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Experiments;

/// <summary>What an experiment must be.</summary>
internal sealed class ExperimentCheck
{
    private const int MaxVariants = 10;
    private const int MaxWeight = 10_000;
    private const int MaxMetrics = 20;
    private const int SeedMaxLength = 100;
    private const int MaxCupedDays = 90;
    private const string KeyRule = "A key is 1 to 63 lowercase letters, digits and hyphens, and starts with no hyphen.";

    private readonly List<RuleError> errors = [];
    private readonly ExperimentResource body;
    private readonly IReadOnlyList<string> metrics;

    private ExperimentCheck(ExperimentResource body, IReadOnlyList<string> metrics) => (this.body, this.metrics) = (body, metrics);

    /// <summary>The definition, complete.</summary>
    /// <param name="metrics">The keys of all there are.</param>
    /// <exception cref="ApiProblem">400, with every fault at its place.</exception>
    public static ExperimentResource Run(string key, ExperimentResource body, IReadOnlyList<string> metrics)
    {
        var check = new ExperimentCheck(body, metrics);
        check.Require(IsKey(key), "/key", KeyRule);
        check.Require((body.Key ?? key) == key, "/key", "The key is that of the address; an experiment can't be renamed.");
        check.CheckWords();
        check.CheckVariants();
        check.CheckUnits();
        check.CheckMetrics();
        check.CheckJudgement();
        return check.errors.Count == 0 ? body.Complete(key) : throw ApiProblem.Invalid(check.errors);
    }

    /// <summary>Whether it is a key.</summary>
    public static bool IsKey(string? key) => key is not null && Regex.IsMatch(key, Segment.KeyPattern) && !key.EndsWith('\n');

    private void CheckWords()
    {
        CheckText(body.Name, "/name", Segment.NameMaxLength);
        CheckText(body.Description, "/description", Segment.TextMaxLength);
        CheckText(body.Hypothesis, "/hypothesis", Segment.TextMaxLength);
        var tags = body.Tags ?? [];
        Require(tags.Count <= Segment.TagsMaxItems, "/tags", $"An experiment has {Segment.TagsMaxItems} tags at most.");
        for (var i = 0; i < tags.Count; i++)
        {
            Require(
                !string.IsNullOrWhiteSpace(tags[i]) && Texts.Fits(tags[i], Segment.TagMaxLength),
                $"/tags/{i}",
                $"A tag is a text of 1 to {Segment.TagMaxLength} characters.");
        }
    }

    private void CheckVariants()
    {
        var variants = body.Variants ?? [];
        Require(
            variants.Count is >= 2 and <= MaxVariants,
            "/variants",
            $"An experiment needs 2 to {MaxVariants} variants: {{\"key\",\"weight\"}}.");
        for (var i = 0; i < variants.Count; i++)
        {
            var at = $"/variants/{i}";
            if (variants[i] is not { } variant)
            {
                errors.Add(new RuleError(at, "A variant is an object: {\"key\",\"weight\"}."));
                continue;
            }

            Require(IsKey(variant.Key), $"{at}/key", KeyRule);
            Require(variants.Take(i).All(v => v?.Key != variant.Key), $"{at}/key", "Duplicate key.");
            Require(
                variant.Weight is null or (>= 1 and <= MaxWeight), $"{at}/weight", $"A weight is a whole number from 1 to {MaxWeight}.");
        }
    }

    private void CheckUnits()
    {
        Require(
            body.Kind is not ExperimentKind.Bandit,
            "/kind",
            "Allocation that adapts (bandit) is not there yet: leave kind out, or send \"split\".");
        Require(body.Coverage is null or (>= 0 and <= 1), "/coverage", "coverage is a share from 0 to 1.");
        Require(
            body.Seed is null || (body.Seed.Length is >= 1 and <= SeedMaxLength && IsSeed(body.Seed)),
            "/seed",
            $"A seed is a text of 1 to {SeedMaxLength} characters without ':', '~' and control characters.");
        if (body.Layer is { } layer)
        {
            Require(IsKey(layer.Key), "/layer/key", KeyRule);
            Require(layer.From is >= 0 and < 1, "/layer/from", "from is a share from 0, less than 1.");
            Require(layer.To is > 0 and <= 1, "/layer/to", "to is a share of more than 0, up to 1.");
            Require(layer.From is null || layer.To is null || layer.From < layer.To, "/layer", "from must be less than to.");
        }
    }

    private void CheckMetrics()
    {
        var named = new HashSet<string>(StringComparer.Ordinal);
        if (body.Metrics is not { } all)
        {
            return;
        }

        if (all.Primary is { } primary)
        {
            CheckMetric(primary, "/metrics/primary");
        }

        var (secondary, guardrails) = (all.Secondary ?? [], all.Guardrails ?? []);
        Require(secondary.Count <= MaxMetrics, "/metrics/secondary", $"There can be at most {MaxMetrics} secondary metrics.");
        Require(guardrails.Count <= MaxMetrics, "/metrics/guardrails", $"There can be at most {MaxMetrics} guardrails.");
        for (var i = 0; i < secondary.Count; i++)
        {
            CheckMetric(secondary[i], $"/metrics/secondary/{i}");
        }

        for (var i = 0; i < guardrails.Count; i++)
        {
            var at = $"/metrics/guardrails/{i}";
            CheckMetric(guardrails[i]?.Metric, $"{at}/metric");
            Require(guardrails[i]?.MaxHarm is > 0 and <= 1, $"{at}/maxHarm", "maxHarm is a share of more than 0, up to 1.");
        }

        void CheckMetric(string? key, string at)
        {
            if (key is null || !metrics.Contains(key))
            {
                var hint = key is not null && NearestName.Find(key, metrics) is { } nearest
                    ? $"Did you mean \"{nearest}\"?"
                    : "GET /api/v1/metrics lists what there is.";
                errors.Add(new RuleError(at, $"There is no metric {ErrorText.Quote(key ?? "")}. {hint}"));
            }
            else
            {
                Require(named.Add(key), at, "Named twice: a metric has one role in an experiment.");
            }
        }
    }

    private void CheckJudgement()
    {
        Require(body.Alpha is null or (> 0 and < 1), "/alpha", "alpha is more than 0 and less than 1: 0.05.");
        Require(
            body.PlannedUnits is null or (>= 100 and <= 1_000_000_000),
            "/plannedUnits",
            "plannedUnits is a whole number from 100 to a billion.");
        Require(
            body.Cuped is null || body.Cuped.Days is >= 1 and <= MaxCupedDays,
            "/cuped/days",
            $"days is a whole number from 1 to {MaxCupedDays}.");
    }

    // Half a surrogate pair could not be stored.
    private static bool IsSeed(string seed) =>
        !seed.Any(c => c is ':' or '~' || char.IsControl(c)) && seed.EnumerateRunes().All(r => r.Value != 0xFFFD);

    private void CheckText(string? text, string at, int max) => Require(Texts.Fits(text, max), at, Texts.TooLong(max));

    private void Require(bool holds, string pointer, string message)
    {
        if (!holds)
        {
            errors.Add(new RuleError(pointer, message));
        }
    }
}
