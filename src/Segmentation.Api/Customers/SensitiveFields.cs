using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Segmentation.Api.Access;
using Segmentation.Api.Http;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Customers;

/// <summary>
/// THE list of fields whose values need the scope <c>privacy</c>, by the names that rules have for them: those of the setting, what
/// follows from them, and the attributes that are marked.
/// </summary>
public sealed class SensitiveFields
{
    /// <summary>The setting that names fixed fields.</summary>
    public const string Setting = "Privacy:SensitiveFields";

    /// <summary>What is shown in place of a value, also where there is none.</summary>
    public const string Mask = "***";

    /// <summary><see cref="Mask"/> as JSON.</summary>
    public static readonly JsonElement Masked = JsonElement.Parse("\"***\"");

    private const string CustomerPrefix = "customer.";

    /// <summary>Those that name a customer, besides its id: the email first.</summary>
    internal static readonly string[] Named = ["customer.email", "customer.firstName", "customer.lastName"];

    /// <summary>The fixed fields that can be sensitive: what a profile is sent with.</summary>
    internal static readonly string[] Known =
    [
        "demographic.age", "demographic.birthDate", "demographic.gender", "demographic.education", "demographic.occupation",
        "demographic.maritalStatus", "demographic.language", "demographic.income", "demographic.householdSize", "demographic.children",
        "geographic.country", "geographic.region", "geographic.city", "geographic.postalCode", "geographic.timeZone",
        "geographic.climate", "geographic.location", "psychographic.interests", "psychographic.values", "psychographic.attitudes",
        "psychographic.motivations", "psychographic.lifestyle", "psychographic.personality", .. Named,
    ];

    // Each tells something of the others.
    private static readonly string[][] kin =
    [
        ["demographic.age", "demographic.birthDate", "temporal.birthday"],
        [
            TimeZone, "temporal.localHour", "temporal.localDayOfWeek", "context.hour", "context.dayOfWeek", "context.month", "context.date",
        ],
    ];

    /// <summary>What the names of fields begin with that are scores of models of propensity.</summary>
    internal const string ScorePrefix = "predicted.propensity.";

    private const string TimeZone = "geographic.timeZone";

    // Fields of events that are in the customer's zone. They are common words, and names only where a field stands.
    private static readonly string[] clocks = ["hourOfDay", "dayOfWeek", "month"];

    // Where people write what they like.
    private static readonly string[] prose = ["name", "description", "goal", "label"];

    // What playbooks show to visitors, as it is: nothing here reads it.
    private static readonly string[] shown = ["content", "contents", "fallback"];

    // How each fixed field is taken from a customer, by its path.
    private static readonly Dictionary<string, Action<CustomerResource>> takers = Known.Select(PathOf).ToDictionary(p => p, Taker);

    private readonly HashSet<string> names;
    private readonly HashSet<string> eventNames = new(StringComparer.OrdinalIgnoreCase);
    private readonly string[][] sent;
    private readonly string[][] paths;
    private readonly Action<CustomerResource>[] taken;
    private readonly ulong bits;
    private readonly string[] attributes;
    private readonly HashSet<string> models;

    /// <param name="fixedFields">Of <see cref="Known"/>.</param>
    /// <param name="attributes">All that are registered.</param>
    /// <param name="models">The keys of models of propensity, each with the fields that it reads: what is scored by a sensitive one is
    /// one. What a model has scored that is no longer there is taken for one, too: nobody knows what it has read.</param>
    internal SensitiveFields(
        IEnumerable<string> fixedFields, IEnumerable<CustomerAttribute> attributes,
        IEnumerable<(string Key, IReadOnlyList<string> Fields)>? models = null)
    {
        // Whatever their case: a name that is nearly one is refused rather than let through.
        names = new HashSet<string>(fixedFields, StringComparer.OrdinalIgnoreCase);
        names.UnionWith(kin.Where(k => k.Any(names.Contains)).SelectMany(k => k));
        this.attributes = [.. attributes.Where(a => a.Sensitive).Select(a => a.Name)];
        var own = Known.Where(names.Contains).Select(PathOf).ToList();
        taken = [.. own.Select(path => takers[path])];
        bits = ProfileProperties.FindBits(own);
        names.UnionWith(this.attributes.Select(a => $"attributes.{a}"));
        sent = [.. own.Select(p => p.Split('.')), .. this.attributes.Select(a => new[] { "attributes", a })];
        if (names.Contains(TimeZone))
        {
            eventNames.UnionWith(clocks);
            foreach (var clock in clocks)
            {
                eventNames.UnionWith([$"behavioral.events.{clock}", $"behavioral.sequence.{clock}"]);
            }
        }

        this.models = [.. (models ?? []).Select(m => m.Key)];
        var scored = (models ?? []).Where(m => AreAmong(m.Fields)).Select(m => m.Key).ToList();
        Scores = [.. scored.Select(key => ScorePrefix + key)];
        names.UnionWith(Scores);
        paths = [.. sent, .. scored.Select(key => ScorePrefix[..^1].Split('.').Append(key).ToArray())];
    }

    /// <summary>No field.</summary>
    public static SensitiveFields None { get; } = new([], []);

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => paths.Length == 0;

    /// <summary>Those of them that are scores of models.</summary>
    public IReadOnlyList<string> Scores { get; }

    /// <summary>Those that a caller must not see.</summary>
    public SensitiveFields For(Caller caller) => caller.Has(Scopes.Privacy) ? None : this;

    /// <summary>What a fixed field must be, or null for one that can be sensitive.</summary>
    internal static string? Check(string name) => Known.Contains(name) ? null : $"a field of profiles: {string.Join(", ", Known)}";

    /// <summary>Whether a field, by its name in rules, is one of them.</summary>
    public bool Includes(string field) => names.Contains(field);

    /// <summary>Whether a property of a customer, by its dotted name, is one of them, or a part of one.</summary>
    internal bool IsPath(string property) => sent.Any(path =>
        string.Join('.', path) is var name && (property == name || property.StartsWith(name + ".", StringComparison.Ordinal)));

    /// <summary>Whether a rule reads one itself.</summary>
    public bool AreRead(JsonElement rule) => !IsEmpty && AreAmong(RuleReferences.Fields(rule));

    /// <summary>Whether there is one among fields of customers and of their events, by their names in rules.</summary>
    public bool AreAmong(IEnumerable<string> fields) => fields.Any(f => names.Contains(f.Trim()) || eventNames.Contains(f.Trim()));

    /// <summary>A JSON pointer to each place of a request that names one: a rule's field, one that it compares with or aggregates, a list
    /// of fields.</summary>
    internal IEnumerable<string> FindNames(JsonElement body, string at = "", bool isField = false) => body.ValueKind switch
    {
        JsonValueKind.Object => body.EnumerateObject().Where(p => !IsText(p)).SelectMany(p =>
            FindNames(
                p.Value, RuleError.Below(at, p.Name),
                p.Name is "field" or "of" || (p.Name == "value" && NodeJson.ComparesFields(body)))
                .Concat(IsName(p.Name, isField: false) ? [RuleError.Below(at, p.Name)] : [])),
        JsonValueKind.Array => body.EnumerateArray().Index().SelectMany(i => FindNames(i.Item, $"{at}/{i.Index}")),
        JsonValueKind.String when IsName(body.GetString()!, isField) => [at],
        _ => [],
    };

    private static bool IsText(JsonProperty member) => shown.Contains(member.Name)
        || (member.Value.ValueKind == JsonValueKind.String && prose.Contains(member.Name));

    /// <summary>Whether a text is the name of one, or names one among others.</summary>
    /// <param name="isField">Whether it stands where a field of events may.</param>
    internal bool IsName(string text, bool isField) => text.Split(',').Select(part => part.Trim().TrimStart('-'))
        .Any(name => names.Contains(name) || (isField && eventNames.Contains(name)));

    /// <summary>Whether a text has the name of one somewhere: what was stored before a field was sensitive may tell of it.</summary>
    internal bool AreNamedIn(string text)
    {
        return names.Any(name =>
        {
            for (var at = 0; (at = text.IndexOf(name, at, StringComparison.OrdinalIgnoreCase)) >= 0; at++)
            {
                if (!IsPart(at - 1) && !IsPart(at + name.Length))
                {
                    return true;
                }
            }

            return false;
        });

        bool IsPart(int place) => place >= 0 && place < text.Length && (char.IsAsciiLetterOrDigit(text[place]) || text[place] == '_');
    }

    /// <summary>A JSON pointer to each of them that a customer's JSON has, null or not.</summary>
    /// <param name="orNullAround">Whether also to each that a null around it would remove.</param>
    internal IEnumerable<string> FindSent(JsonElement customer, bool orNullAround = false)
    {
        foreach (var path in sent)
        {
            var value = customer;
            if (Array.TrueForAll(path, part => (orNullAround && value.ValueKind == JsonValueKind.Null)
                || (value.ValueKind == JsonValueKind.Object && value.TryGetProperty(part, out value))))
            {
                yield return "/" + string.Join('/', path);
            }
        }
    }

    /// <summary>A JSON pointer to each of them that a customer was sent with.</summary>
    internal IEnumerable<string> FindSent(CustomerResource customer) =>
        IsEmpty ? [] : FindSent(JsonSerializer.SerializeToElement(customer, Json.Options));

    /// <summary>Takes their values away, so that nothing that is made of the customer can tell them.</summary>
    internal void Clear(CustomerResource customer)
    {
        foreach (var take in taken)
        {
            take(customer);
        }

        if (customer.Attributes is { } held && Array.Exists(attributes, a => held.TryGetProperty(a, out _)))
        {
            customer.Attributes = JsonSerializer.SerializeToElement(
                held.EnumerateObject().Where(p => !attributes.Contains(p.Name)).ToDictionary(p => p.Name, p => p.Value), Json.Options);
        }

        if (!IsEmpty && customer.Predicted is { Propensity: { } scores } predicted)
        {
            predicted.Propensity = scores.Where(s => models.Contains(s.Key) && !names.Contains(ScorePrefix + s.Key)).ToDictionary();
        }
    }

    /// <summary>Writes <see cref="Mask"/> in the place of each of them.</summary>
    internal void Hide(JsonObject customer)
    {
        foreach (var path in paths)
        {
            var parent = customer;
            foreach (var part in path.AsSpan(..^1))
            {
                if (parent[part] is not JsonObject inner)
                {
                    parent[part] = inner = [];
                }

                parent = inner;
            }

            parent[path[^1]] = Mask;
        }

        if (customer["predicted"]?["propensity"] is JsonObject scores)
        {
            foreach (var model in scores.Select(s => s.Key).Where(key => !models.Contains(key)).ToList())
            {
                scores[model] = Mask;
            }
        }
    }

    /// <summary>Does something to a customer that leaves their values as they are.</summary>
    internal void Keep(Customer customer, Action change)
    {
        if (IsEmpty)
        {
            change();
            return;
        }

        var before = new Customer { Id = customer.Id };
        ProfileProperties.Merge(before, customer, bits);
        var (sent, folded) = (customer.Attributes, customer.AttributesFolded);
        change();
        ProfileProperties.Merge(customer, before, bits);
        customer.Attributes = Carry(sent, customer.Attributes);
        customer.AttributesFolded = Carry(folded, customer.AttributesFolded);
    }

    /// <summary>403, where a caller without the scope names them.</summary>
    /// <param name="remedy">What to do about it.</param>
    /// <exception cref="ApiProblem">There is a place where it does.</exception>
    internal static void Refuse(IEnumerable<string> places, string remedy = Remedy)
    {
        var all = places.Take(100).ToList();
        if (all.Count > 0)
        {
            throw AccessProblems.Forbidden(
                Scopes.Privacy, places: all.Distinct().ToDictionary(p => p, _ => new[] { remedy }, StringComparer.Ordinal));
        }
    }

    /// <summary>What to do about it.</summary>
    internal const string Remedy = "This field is sensitive: leave it out, or call with a key that has the scope privacy.";

    private static Action<CustomerResource> Taker(string path)
    {
        var parts = path.Split('.');
        var part = FindMember(typeof(CustomerResource), parts[0]);
        if (parts.Length == 1)
        {
            return customer => part.Set!(customer, null);
        }

        var member = FindMember(part.PropertyType, parts[1]);
        return customer =>
        {
            if (part.Get!(customer) is { } held)
            {
                member.Set!(held, null);
            }
        };
    }

    private static JsonPropertyInfo FindMember(Type type, string name) =>
        Json.Options.GetTypeInfo(type).Properties.First(p => p.Name == name);

    internal static string PathOf(string field) =>
        field.StartsWith(CustomerPrefix, StringComparison.Ordinal) ? field[CustomerPrefix.Length..] : field;

    private JsonElement? Carry(JsonElement? from, JsonElement? to)
    {
        var target = to is { } held ? JsonObject.Create(held)! : [];
        foreach (var name in attributes)
        {
            target.Remove(name);
            if (from is { } source && source.TryGetProperty(name, out var value))
            {
                target[name] = JsonNode.Parse(value.GetRawText());
            }
        }

        return target.Count == 0 ? null : JsonSerializer.SerializeToElement(target, Json.Options);
    }
}
