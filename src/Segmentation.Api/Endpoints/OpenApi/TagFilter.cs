using Microsoft.OpenApi;
using Segmentation.Api.Access;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>Describes the tags, in the order of Swagger UI.</summary>
internal sealed class TagFilter : IDocumentFilter
{
    private static readonly (string Name, string Description)[] Tags =
    [
        ("Segments", "Definitions: a goal in words, a rule, every version of it."),
        ("Membership", "Who is in a segment, how many, and why: kept as it changes, or evaluated with `live` or for any `asOf`. "
            + "Manual segments are filled here, and segments compared and put together."),
        ("History", "Who joined and left, when and why; a segment's size over time; where customers went. "
            + "Kept as long as the setting `Membership:HistoryDays` says."),
        ("Insight", "What segments are like, how they do, and where they are heading."),
        ("Models", "What customers will do: models that are fitted to your own data, held against what came, and refused where the data "
            + "can't carry them."),
        ("Analyses", "What reads everybody, and takes its time: ask, wait or come back, and read what was found. `profile`: what marks a "
            + "segment's members; `rfm`: from which values on customers have which RFM scores; `fit`: fits a model; "
            + "`clusters`: whether customers are in groups, and each group as a rule; "
            + "`opportunities`: groups, found on one half of customers and confirmed on the other, whose target is unusual."),
        ("Metrics", "What is measured of customers: the built-in metrics, and your own. A segment's `goalMetric` is one."),
        ("Experiments", "Variants, and who gets which: a split by a published hash, which GrowthBook's SDKs agree with."),
        ("Playbooks", "What visitors get, where and when: placements, playbooks that fill them, and decisions."),
        ("OpenFeature", "Any SDK of [OpenFeature](https://openfeature.dev) is a client, by its remote evaluation protocol (OFREP 0.3): a "
            + "flag is an active placement."),
        ("Rules", "Rules that are not saved yet: preview, check, and look at the SQL. Start here."),
        ("Customers", "Profiles, one at a time or a file at a time."),
        ("Privacy", "What customers have consented to: registered purposes, and a record of each consent given or withdrawn; all "
            + "that is held of one of them; and receipts of those that were erased."),
        ("Events", "What customers did."),
        ("Fields", "What rules may ask, and fields of your own: attributes."),
        ("Webhooks", "Your servers are told who joins and leaves: signed by [Standard Webhooks](https://www.standardwebhooks.com), "
            + "at least once, in order for each customer, tried again for up to a day. The sample's is disabled, and leads nowhere."),
        ("Keys", "API keys: who may call, and what. The first one closes the service to whoever has none. The scopes:\n\n"
            + string.Concat(Scopes.Table.Select(s => $"- `{s.Name}`: {s.About}\n"))),
        ("Audit", "Who changed what, and when: a chain of entries that only grows, and that anyone can check."),
        ("Service", "Health checks."),
    ];

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context) =>
        swaggerDoc.Tags = new HashSet<OpenApiTag>(Tags.Select(t => new OpenApiTag { Name = t.Name, Description = t.Description }));
}
