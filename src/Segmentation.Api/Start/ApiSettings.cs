using System.Globalization;
using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Analyses;
using Segmentation.Api.Audit;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Insight;
using Segmentation.Api.Memberships;
using Segmentation.Api.Playbooks;
using Segmentation.Api.Predictions;
using Segmentation.Api.Streams;
using Segmentation.Api.Webhooks;
using Segmentation.Rules.Checking;

namespace Segmentation.Api;

/// <summary>The service's settings, for <c>--help</c>, the README and the check at the start.</summary>
internal static class ApiSettings
{
    /// <summary>The connection string's name.</summary>
    public const string Connection = "ConnectionStrings:Segmentation";

    /// <summary>Whether Swagger UI and the OpenAPI document are there outside Development.</summary>
    public const string SwaggerSetting = Endpoints.OpenApi.Swagger.EnabledSetting;

    /// <summary>The name of the connection string of the tables' owner.</summary>
    public const string OwnerConnection = "ConnectionStrings:SegmentationOwner";

    /// <summary>Whether migrations are applied on start.</summary>
    public const string MigrateOnStart = "Database:MigrateOnStart";

    private static readonly RuleLimits Rules = new();
    private static readonly RetentionOptions Retention = new();
    private static readonly RevenueOptions Revenue = new();
    private static readonly FeedbackOptions Feedback = new();
    private static readonly WebhookOptions Webhooks = new();
    private static readonly BackgroundImportOptions Imports = new();
    private static readonly AnalysisOptions Analyses = new();
    private static readonly PredictionOptions Predictions = new();
    private static readonly ExposureOptions Exposures = new();

    public static IReadOnlyList<Setting> All { get; } =
    [
        new(Connection, "none", "The database to use: `Host=db;Database=segmentation;Username=u;Password=p` or "
            + "`postgres://u:p@db/segmentation`. Without one `./run` keeps a private PostgreSQL; the API by itself (`Segmentation.Api.dll`"
            + ", Docker) ends with an error. A database that does not exist is an error too; `--create-database` creates it. How many "
            + "connections a process takes is a [limit](#limits).",
            SettingChecks.Text),
        new(OwnerConnection, "the same", "How to connect as the role that owns the tables, for migrations. The service itself needs no "
            + "more than `segmentation_app` may ([roles](docs/roles.md)).", SettingChecks.Text),
        new("urls", "`http://localhost:5080`", "Where it listens, several with `;` between. As an environment variable: `ASPNETCORE_URLS`. "
            + "The API by itself listens on `http://localhost:5000`.", SettingChecks.Text),
        new(ConnectionSettings.WorkMem, $"`{ConnectionSettings.DefaultWorkMem}`", "PostgreSQL's `work_mem` for each statement.",
            SettingChecks.Memory),
        new(MigrateOnStart, "false", "Apply migrations on start. In Development (`./run`) they always are; elsewhere `--migrate` applies "
            + "them and ends. Until they are, every answer is a 503 that says so.", SettingChecks.Flag),
        new("Membership:HistoryDays", Text(new MembershipOptions().HistoryDays), "Days for which past membership is stored: who left a "
            + "segment, when and why.", SettingChecks.Integer(1, 36_500)),
        new("Retention:EventsDays", Text(Retention.EventsDays), "Days for which events are kept; 0 for good. What they added up to stays. "
            + "Older events and an `asOf` of before are refused ([0070](docs/decisions/0070-retention.md)).",
            SettingChecks.Integer(0, 36_500)),
        new("Retention:InactiveCustomersDays", Text(Retention.InactiveCustomersDays), "Days after which a customer is erased who shows no "
            + "sign of life: no event, no `lastSeenAt`, no change of the profile; 0 for never.", SettingChecks.Integer(0, 36_500)),
        new("Revenue:OrderTypes", List(Revenue.OrderTypes), "Types of event that are orders, with commas between or as a list. Takes "
            + "effect for events stored from then on.", SettingChecks.Text) { IsList = true },
        new("Revenue:RefundTypes", List(Revenue.RefundTypes), "Types of event that are refunds.", SettingChecks.Text) { IsList = true },
        new("Feedback:EventTypes", List(Feedback.EventTypes), "Types of event that are feedback. Takes effect for events stored from then "
            + "on.", SettingChecks.Text) { IsList = true },
        new("Feedback:TextProperty", $"`{Feedback.TextProperty}`", "The property of feedback that has its text.", SettingChecks.Text),
        new("Feedback:NpsProperty", $"`{Feedback.NpsProperty}`", "The property of feedback that has the score of NPS, 0 to 10.",
            SettingChecks.Text),
        new("Feedback:CsatProperty", $"`{Feedback.CsatProperty}`", "The property of feedback that has the score of CSAT.",
            SettingChecks.Text),
        new("Feedback:Scales", List([.. Feedback.Scales.Select(s => s.ToString())]), "The properties of feedback that are scores, each "
            + "with its scale from the worst to the best. Of several in one event the first counts.", FeedbackScale.FindFault)
        { IsList = true },
        new("Rules:MaxDepth", Text(Rules.MaxDepth), "How deep groups of a rule may nest.", SettingChecks.Integer(1, 100)),
        new("Rules:MaxRules", Text(Rules.MaxRules), "Conditions in a rule.", SettingChecks.Integer(1, 100_000)),
        new("Rules:MaxListLength", Text(Rules.MaxListLength), "Values in a list of a rule.", SettingChecks.Integer(1, 1_000_000)),
        new("Rules:MaxTextLength", Text(Rules.MaxTextLength), "Characters in a text of a rule.", SettingChecks.Integer(1, 1_000_000)),
        new("Rules:MaxBytes", Text(Rules.MaxBytes), "Bytes of a rule.", SettingChecks.Integer(1, HttpSetup.MaxRequestBodySize)),
        new(SecretBox.Setting, "none", "The file with the key that encrypts the secrets of webhooks in the database: 32 random bytes, as "
            + "they are or in base64 (`openssl rand -base64 32`). For another key put its line first, and keep the old ones below until "
            + "every process has started anew. Without a key they are stored as they are.", SecretBox.Check),
        new("Webhooks:AllowHttp", "false", "Whether webhooks may call http addresses.", SettingChecks.Flag),
        new("Webhooks:AllowPrivateAddresses", "false", "Whether webhooks may call loopback, private and other addresses outside the public "
            + "internet.", SettingChecks.Flag),
        new("Webhooks:KeepDeliveredHours", Text(Webhooks.KeepDeliveredHours), "Hours for which delivered messages are stored, to be "
            + "replayed.", SettingChecks.Integer(0, 876_000)),
        new("Webhooks:KeepDeadDays", Text(Webhooks.KeepDeadDays), "Days for which dead messages are stored, to be replayed.",
            SettingChecks.Integer(0, 36_500)),
        new("Webhooks:Parallelism", Text(Webhooks.Parallelism), "Messages under way to one webhook at a time; half as many where "
            + "answers take more than five seconds.",
            SettingChecks.Integer(1, DeliverySlots.Total)),
        new("Webhooks:TimeoutSeconds", Text(Webhooks.TimeoutSeconds), "How many seconds an attempt may take.",
            SettingChecks.Number(0.01, 3600)),
        new("Streams:HeartbeatSeconds", Text(new StreamOptions().HeartbeatSeconds), "After so many seconds without an event a stream shows "
            + "that it is alive.", SettingChecks.Number(0.01, 3600)),
        new(SensitiveFields.Setting, "none", "Fields of profiles whose values are shown, and rules over them taken, with the scope "
            + "`privacy` alone, with commas between or as a list: `demographic.income,customer.email`. What follows from one, "
            + "an age from a birth date, is as sensitive. Attributes are marked by `\"sensitive\": true`.", SensitiveFields.Check)
        { IsList = true },
        new("Imports:MaxFileBytes", Text(Imports.MaxFileBytes), "Bytes of one file that is imported in the background, unpacked.",
            SettingChecks.Integer(1, int.MaxValue)),
        new("Imports:MaxFiles", Text(Imports.MaxFiles), "Files that wait or are imported in the background at a time.",
            SettingChecks.Integer(1, 1000)),
        new("Imports:Directory", "the system's", "The folder that holds such files until they are imported.", SettingChecks.Text),
        new("Analyses:KeepDays", Text(Analyses.KeepDays), "Days for which analyses and their results are stored.",
            SettingChecks.Integer(1, 36_500)),
        new("Analyses:TimeoutMinutes", Text(Analyses.TimeoutMinutes), "Minutes after which an analysis is stopped.",
            SettingChecks.Integer(1, 1440)),
        new("Insight:MinimumGroup", Text(new InsightOptions().MinimumGroup), "A value that fewer customers have is not listed by "
            + "profiles.", SettingChecks.Integer(1, 1_000_000)),
        new("Predictions:ScoreAt", $"`{new PredictionOptions().ScoreAt}`", "The time of day at which everybody is scored.",
            PredictionOptions.FindTimeFault),
        new("Predictions:TimeZone", new PredictionOptions().TimeZone, "The time zone of `Predictions:ScoreAt`, whose days scores "
            + "count in: an IANA name.",
            SettingChecks.TimeZone),
        new("Predictions:MinimumCustomers", Text(Predictions.MinimumCustomers), "To fit lifetime value, so many customers need an order.",
            SettingChecks.Integer(10, 1_000_000_000)),
        new("Predictions:MinimumRepeating", Text(Predictions.MinimumRepeating), "And so many of them orders on several days.",
            SettingChecks.Integer(5, 1_000_000_000)),
        new("Predictions:MinimumDays", Text(Predictions.MinimumDays), "And the first order is at least so many days ago.",
            SettingChecks.Integer(14, 36_500)),
        new("Predictions:MaximumSilence", Text(Predictions.MaximumSilence), "And the last at most so many.",
            SettingChecks.Integer(1, 36_500)),
        new("Playbooks:ImpressionDays", Text(Exposures.ImpressionDays), "Days for which impressions are stored, and links of visitors "
            + "of whom nothing else is.", SettingChecks.Integer(1, 36_500)),
        new("Playbooks:ClickTypes", List(Exposures.ClickTypes), "Types of event that are clicks: their `properties.exposure` "
            + "is the text of what was clicked.", SettingChecks.Text) { IsList = true },
        new("Experiments:UnitDays", Text(Exposures.UnitDays), "Days after the end of an experiment's run for which its units are stored.",
            SettingChecks.Integer(1, 36_500)),
        new("Ofrep:RecordSingle", "true", "Whether a single evaluation by OpenFeature records its exposures: servers evaluate where they "
            + "show. `\"record\": false` in the context leaves it.", SettingChecks.Flag),
        new("Access:Jwt:Authority", "none", "The address of an identity provider whose tokens are taken: `https://login.example.com`.",
            SettingChecks.Url),
        new("Access:Jwt:Issuer", "none", "In place of `Authority`, with `JwksUri`: what tokens name as their issuer.", SettingChecks.Text),
        new("Access:Jwt:JwksUri", "none", "In place of `Authority`, with `Issuer`: where the keys are that tokens are signed with.",
            SettingChecks.Url),
        new("Access:Jwt:Audience", "none", "Whom tokens must be for.", SettingChecks.Text),
        new("Access:Jwt:ScopeClaim", $"`{new JwtOptions().ScopeClaim}`", "The claim that holds scopes, with spaces between or as a list.",
            SettingChecks.Text),
        new("Access:Jwt:CustomerClaim", $"`{new JwtOptions().CustomerClaim}`", "The claim that holds a customer's id, in tokens with the "
            + "scope `self`.", SettingChecks.Text),
        new("Access:MaxKeyDays", Text(new AccessOptions().MaxKeyDays), "Days after which an API key ends at the latest.",
            SettingChecks.Integer(1, 36_500)),
        new("Access:BootstrapKeyFile", "none", "A file with an API key, as `scripts/secrets` makes one: where there is none of its id, "
            + "it is made with every scope.", SettingChecks.Text),
        new("Audit:KeepDays", Text(new AuditOptions().KeepDays), "Days for which the audit log is kept. `--prune-audit` drops whole months "
            + "that are older.", SettingChecks.Integer(31, 36_500)),
        new("Audit:AnchorFile", "none", "A file that the audit log's head is appended to every hour, to be kept where this service can't "
            + "write.", SettingChecks.Text),
        new("Privacy:ErasureListFile", "none", "A file that lists who was erased, as marks, a minute behind at most, to be kept beside the "
            + "backups. After one is restored, `--reapply-erasures` erases them again.", SettingChecks.Text),
        new(AnonymizationOptions.Setting, "none", "Properties of events that stay when a customer becomes anonymous, by their names, with "
            + "commas between or as a list: `category,plan`.", SettingChecks.Text) { IsList = true },
        new(SwaggerSetting, "false", "Whether `/swagger` is there. In Development (`./run`) it always is.", SettingChecks.Flag),
        .. LimitSettings.Table,
        new(AdmissionSetup.KnownProxies, "none", "Addresses or networks of proxies in front, with commas between. What they "
            + "say in `X-Forwarded-For` is who calls; nobody else's word is taken.", AdmissionSetup.CheckProxy) { IsList = true },
        new(Origins.Setting, "none", "Origins whose pages may call from a browser, with commas between or as a list: "
            + "`https://app.example.com`. Pages of others can't write.", Origins.Check) { IsList = true },
        new(AllowedHosts.PublicUrl, "none", "Where callers find the service, when it is behind a proxy or beyond this machine: "
            + "`https://segments.example.com`.", Origins.Check),
        new(AllowedHosts.Setting, "`PublicUrl`'s host and this machine's own names", "The names that a request may call the service by "
            + "in `Host`, with `;` between: `segments.example.com;*.internal.example.com`, or `*` for any. Without `PublicUrl`, a service "
            + "that listens on this machine alone takes only `localhost`, `127.0.0.1` and `[::1]`, and any other takes every name.",
            SettingChecks.Text),
    ];

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    private static string List(string[] values) => $"`{string.Join(",", values)}`";
}
