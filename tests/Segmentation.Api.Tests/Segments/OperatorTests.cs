using System.Text.Json;
using System.Text.RegularExpressions;
using Segmentation.Api.Segments;
using Segmentation.Rules.Backends;
using Segmentation.Rules.Catalog;
using static Segmentation.Api.Tests.Segments.RuleJson;

namespace Segmentation.Api.Tests.Segments;

/// <summary>
/// Every operator on every field of a customer and of an event: who matches was worked out by hand (<see cref="OperatorWorld"/>).
/// </summary>
public sealed partial class OperatorTests(OperatorWorld world) : IClassFixture<OperatorWorld>
{
    // [fields], then: operator value => who of a, b, c, d. A line that ends with a backslash goes on in the next.
    // All scores are read alike; of a 0.25, of b 0.75, c has been scored and has none, d has not been.
    private static readonly string[] Scores =
    [
        "behavioral.silence", "predicted.aliveProbability", "predicted.churnRisk", "predicted.orders30", "predicted.orders90",
        "predicted.orders365", "predicted.averageOrderValue", "predicted.lifetimeValue", "predicted.valuePercentile",
    ];

    private const string OfScores = """
        = 0.25 => a
        != 0.25 => b c d
        < 0.75 => a
        <= 0.75 => a b
        > 0.25 => b
        >= 0.25 => a b
        between [0.1,0.5] => a
        notBetween [0.1,0.5] => b c d
        in [0.75,1] => b
        notIn [0.75,1] => a c d
        null => c d
        notNull => a b
        """;

    private static string CustomerCases => Customers + string.Concat(Scores.Select(s => $"\n\n[{s}]\n{OfScores}"));

    private const string Customers = """
        [demographic.gender demographic.education demographic.occupation \
        demographic.maritalStatus demographic.language \
        geographic.region geographic.city geographic.postalCode psychographic.lifestyle psychographic.personality \
        customer.email customer.firstName attributes.plan]
        = "ALPHA" => a
        != "ALPHA" => b c d
        in ["alpha","50%_OFF","none"] => a c
        in "alpha, alphabet" => a b
        notIn ["alpha","50%_off"] => b d
        contains "PHA" => a b
        contains "%_" => c
        doesNotContain "pha" => c d
        beginsWith "ALPHA" => a b
        beginsWith "_0" =>
        doesNotBeginWith "alpha" => c d
        endsWith "BET" => b
        doesNotEndWith "bet" => a c d
        null => d
        notNull => a b c

        [customer.id]
        = "ALPHA" => a
        != "ALPHA" => b c d
        in ["alpha","50%_OFF"] => a c
        notIn ["alpha","50%_off"] => b d
        contains "PHA" => a b
        doesNotContain "pha" => c d
        beginsWith "ALPHA" => a b
        doesNotBeginWith "alpha" => c d
        endsWith "BET" => b
        doesNotEndWith "bet" => a c d
        null =>
        notNull => a b c d

        [customer.lastName]
        = "A" => a
        != "a" => b c d
        in ["A","C"] => a c
        notIn ["A","C"] => b d
        contains "B" => b
        doesNotContain "b" => a c d
        beginsWith "B" => b
        doesNotBeginWith "b" => a c d
        endsWith "B" => b
        doesNotEndWith "b" => a c d
        null =>
        notNull => a b c d

        [geographic.country]
        = "de" => a
        != "DE" => b c d
        in ["de","NZ"] => a c
        notIn ["de","NZ"] => b d
        null => d
        notNull => a b c

        [geographic.climate]
        = "Temperate" => a
        != "temperate" => b c d
        in ["temperate","arid"] => a c
        notIn ["temperate","arid"] => b d
        null => d
        notNull => a b c

        [geographic.timeZone]
        = "europe/berlin" => a
        != "Europe/Berlin" => b c d
        in ["Europe/Berlin","Pacific/Auckland"] => a c
        notIn ["Europe/Berlin","Pacific/Auckland"] => b d
        contains "_york" => b
        doesNotContain "_york" => a c d
        beginsWith "america/" => b
        doesNotBeginWith "america/" => a c d
        endsWith "york" => b
        doesNotEndWith "york" => a c d
        null => d
        notNull => a b c

        [demographic.householdSize demographic.children attributes.score]
        = 2 => b
        = "2" => b
        != 2 => a c d
        < 2 => a
        <= 2 => a b
        > 2 => c
        >= 2 => b c
        between [1,2] => a b
        between "2,3" => b c
        notBetween [1,2] => c d
        in [1,3] => a c
        notIn [1,3] => b d
        null => d
        notNull => a b c

        [demographic.income attributes.ratio]
        = 2.50 => b
        != 2.5 => a c d
        < 1.5 => c
        <= 1.5 => a c
        > 1.5 => b
        >= 1.5 => a b
        between [-3,1.5] => a c
        notBetween [-3,1.5] => b d
        in [1.5,-3.0] => a c
        notIn [1.5,-3] => b d
        null => d
        notNull => a b c

        [demographic.age]
        = 34 => a
        != 34 => b c d
        < 33 => c
        <= 33 => b c
        > 33 => a
        >= 33 => a b
        between [24,33] => b c
        notBetween [24,33] => a d
        in [34,24] => a c
        notIn [34,24] => b d
        null => d
        notNull => a b c

        [demographic.birthDate attributes.renewal]
        = "1990-06-15" => a
        = {"mode":"relative","anchor":"now","offset":-34,"unit":"year"} => a
        != "1990-06-15" => b c d
        < "1990-06-16" => a
        <= "1990-06-16" => a b
        > "1990-06-16" => c
        >= "1990-06-16" => b c
        between ["1990-06-15","1990-06-16"] => a b
        notBetween ["1990-06-15","1990-06-16"] => c d
        in ["1990-06-15","2000-02-29"] => a c
        notIn ["1990-06-15","2000-02-29"] => b d
        null => d
        notNull => a b c

        [temporal.birthday]
        = "2024-06-15" => a
        = {"mode":"relative","anchor":"now","offset":1,"unit":"day"} => b
        = "2023-02-28" => c
        != "2024-06-15" => b c d
        between ["2024-06-15","2024-06-16"] => a b
        between ["2024-06-16","2024-03-01"] => b c
        notBetween ["2024-06-15","2024-06-16"] => c d
        null => d
        notNull => a b c

        [temporal.signupAnniversary]
        = "1999-01-01" => a b
        != "1999-01-01" => c d
        between ["2024-12-20","2024-01-01"] => a b
        notBetween ["2024-12-20","2024-01-01"] => c d
        null => d
        notNull => a b c

        [temporal.signedUpAt temporal.firstSeenAt temporal.lastSeenAt attributes.seenAt]
        = "2024-01-01" => a b
        = "2024-01-01T00:00:00Z" => a
        != "2024-01-01" => c d
        < "2024-01-02" => a b
        < "2024-01-01T00:00:00Z" =>
        <= "2024-01-01" => a b
        > "2024-01-01" => c
        >= "2024-01-01T23:59:59.999999Z" => b c
        between ["2024-01-01","2024-01-01"] => a b
        notBetween ["2024-01-01","2024-01-01"] => c d
        in ["2024-01-01T00:00:00Z","2024-01-02"] => a c
        notIn ["2024-01-01T00:00:00Z","2024-01-02"] => b d
        null => d
        notNull => a b c

        [customer.createdAt]
        = "2024-01-01" => a b
        != "2024-01-01" => c d
        < "2024-01-02" => a b
        <= "2024-01-01" => a b
        > "2024-01-01" => c d
        >= "2024-01-02" => c d
        between ["2024-01-01","2024-01-02"] => a b c
        notBetween ["2024-01-01","2024-01-02"] => d
        in ["2024-01-01T00:00:00Z","2024-02-01"] => a d
        notIn ["2024-01-01T00:00:00Z","2024-02-01"] => b c
        null =>
        notNull => a b c d

        [temporal.localHour]
        = 14 => a
        != 14 => b c d
        < 8 => c
        <= 8 => b c
        > 12 => a
        >= 12 => a d
        between [8,12] => b d
        notBetween [8,12] => a c
        in [0,14] => a c
        notIn [0,14] => b d
        null =>
        notNull => a b c d

        [temporal.localDayOfWeek]
        = 6 => a b d
        != 6 => c
        < 7 => a b d
        <= 6 => a b d
        > 6 => c
        >= 7 => c
        between [7,7] => c
        notBetween [7,7] => a b d
        in [7] => c
        notIn [7] => a b d
        null =>
        notNull => a b c d

        [psychographic.interests psychographic.values psychographic.attitudes psychographic.motivations attributes.tags]
        contains "RED" => a b
        contains ["red","blue"] => a
        doesNotContain "red" => c d
        doesNotContain ["red","blue"] => b c d
        in ["blue","GREEN"] => a c
        notIn ["blue","green"] => b d
        null => d
        notNull => a b c

        [geographic.location]
        within {"latitude":52.5,"longitude":13.4,"radiusKm":10} => a
        within {"polygon":[[-80,30],[20,30],[20,60],[-80,60]]} => a b
        notWithin {"latitude":52.5,"longitude":13.4,"radiusKm":10} => b c d
        notWithin {"polygon":[[-80,30],[20,30],[20,60],[-80,60]]} => c d

        [consent.marketing attributes.trial]
        = true => a c

        [consent.marketing]
        = "false" => b d
        != true => b d
        != false => a c
        null =>
        notNull => a b c d

        [attributes.trial]
        = false => b
        != true => b d
        != false => a c d
        null => d
        notNull => a b c

        [behavioral.eventCount]
        = 2 => b
        != 2 => a c d
        < 2 => c d
        <= 2 => b c d
        > 2 => a
        >= 2 => a b
        between [1,2] => b c
        notBetween [1,2] => a d
        in [0,3] => a d
        notIn [0,3] => b c
        null =>
        notNull => a b c d

        [behavioral.lastEventAt]
        = "2024-06-10" => a
        != "2024-06-10" => b c d
        < "2024-05-03" => c
        <= "2024-05-03" => b c
        > "2024-05-03" => a
        >= "2024-05-03" => a b
        between ["2023-12-31","2024-05-03"] => b c
        notBetween ["2023-12-31","2024-05-03"] => a d
        in ["2024-06-10T12:00:00Z","2023-12-31"] => a c
        notIn ["2024-06-10T12:00:00Z","2023-12-31"] => b d
        null => d
        notNull => a b c

        [behavioral.lastFeedbackAt]
        = "2024-06-05" => a
        != "2024-06-05" => b c d
        < "2024-06-05" => c
        <= "2024-06-05" => a c
        > "2023-12-31" => a
        >= "2023-12-31" => a c
        between ["2023-12-31","2024-06-04"] => c
        notBetween ["2023-12-31","2024-06-04"] => a b d
        in ["2024-06-05T00:00:00Z","2023-12-31"] => a c
        notIn ["2024-06-05"] => b c d
        null => b d
        notNull => a c

        [psychographic.sentiment]
        = 0.25 => a
        != 0.25 => b c d
        < 0.25 => b
        <= 0.25 => a b
        > 0.25 => c
        >= 0.25 => a c
        between [0,1] => a c
        notBetween [0,1] => b d
        in [-1,0.333] => b c
        notIn [-1,0.333] => a d
        null => d
        notNull => a b c

        [value.lifetimeValue]
        = 40 => a
        != 40 => b c d
        < 40 => c d
        <= 40 => a c d
        > 40 => b
        >= 40 => a b
        between [0,40] => a c d
        notBetween [0,40] => b
        in [40,80] => a b
        notIn [40,80] => c d
        null =>
        notNull => a b c d

        [value.averageOrderValue]
        = 20 => a
        != 20 => b c d
        < 100 => a
        <= 100 => a b
        > 20 => b
        >= 20 => a b
        between [20,99.99] => a
        notBetween [20,99.99] => b c d
        in [100,20] => a b
        notIn [100] => a c d
        null => c d
        notNull => a b

        [value.orderCount]
        = 2 => a
        != 2 => b c d
        < 1 => c d
        <= 1 => b c d
        > 1 => a
        >= 1 => a b
        between [0,1] => b c d
        notBetween [0,1] => a
        in [0,2] => a c d
        notIn [0,2] => b
        null =>
        notNull => a b c d

        [value.firstOrderAt]
        = "2024-06-01" => a
        != "2024-06-01" => b c d
        < "2024-06-01" => b
        <= "2024-06-01" => a b
        > "2024-05-01" => a
        >= "2024-05-01" => a b
        between ["2024-05-01","2024-05-31"] => b
        notBetween ["2024-05-01","2024-05-31"] => a c d
        in ["2024-05-01","2024-06-01"] => a b
        notIn ["2024-05-01"] => a c d
        null => c d
        notNull => a b

        [value.lastOrderAt]
        = "2024-06-10T12:00:00Z" => a
        != "2024-06-10" => b c d
        < "2024-06-10" => b
        <= "2024-06-10" => a b
        > "2024-05-01" => a
        >= {"mode":"relative","anchor":"now","offset":-5,"unit":"day"} => a
        between ["2024-05-01","2024-05-31"] => b
        notBetween ["2024-05-01","2024-05-31"] => a c d
        in ["2024-05-01"] => b
        notIn ["2024-05-01"] => a c d
        null => c d
        notNull => a b

        [value.daysSinceLastOrder]
        = 5 => a
        != 5 => b c d
        < 45 => a
        <= 45 => a b
        > 5 => b
        >= 5 => a b
        between [6,45] => b
        notBetween [6,45] => a c d
        in [5,45] => a b
        notIn [5] => b c d
        null => c d
        notNull => a b

        [value.percentile]
        = 100 => b
        != 0 => a b
        < 66.6 => c d
        <= 66.67 => a c d
        > 66.66 => a b
        >= 100 => b
        between [66,67] => a
        notBetween [66,67] => b c d
        in [0,100] => b c d
        notIn [0] => a b
        null =>
        notNull => a b c d

        [value.rfmRecency]
        = 4 => a
        != 4 => b c d
        < 4 => b
        <= 4 => a b
        > 2 => a
        >= 2 => a b
        between [4,5] => a
        notBetween [4,5] => b c d
        in [2,5] => b
        notIn [2,1] => a c d
        null => c d
        notNull => a b

        [value.rfmFrequency]
        = 3 => a
        != 3 => b c d
        < 3 => b
        <= 3 => a b
        > 2 => a
        >= 2 => a b
        between [3,5] => a
        notBetween [3,5] => b c d
        in [2,5] => b
        notIn [2,1] => a c d
        null => c d
        notNull => a b

        [value.rfmMonetary]
        = 2 => a
        != 2 => b c d
        < 4 => a
        <= 4 => a b
        > 2 => b
        >= 2 => a b
        between [2,5] => a b
        notBetween [2,5] => c d
        in [4,5] => b
        notIn [4,1] => a c d
        null => c d
        notNull => a b

        [value.rfmGroup]
        = "Loyal" => a
        != "loyal" => b c d
        in ["ATRISK","lost"] => b
        notIn ["atRisk","champions"] => a c d
        null => c d
        notNull => a b

        [segment]
        in ["by-hand"] => a b
        in ["big"] => b
        in "by-hand,big" => a b
        notIn ["by-hand"] => c d
        notIn ["big","by-hand"] => c d

        [behavioral.events]
        = {"combinator":"and","rules":[{"field":"type","operator":"=","value":"ORDER_completed"}]} => a b
        != {"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]} => c d

        [behavioral.sequence]
        = {"steps":[{"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_completed"}]}, \
        {"combinator":"and","rules":[{"field":"type","operator":"=","value":"order_refunded"}]}]} => b
        = {"steps":[{"combinator":"and","rules":[]},{"combinator":"and","rules":[]}],"within":{"amount":2,"unit":"day"}} =>
        = {"steps":[{"combinator":"and","rules":[]},{"combinator":"and","rules":[]}],"within":{"amount":49,"unit":"hour"}} => b
        = {"steps":[{"combinator":"and","rules":[]},{"combinator":"and","rules":[]},{"combinator":"and","rules":[]}], \
        "within":{"amount":2,"unit":"week"}} => a
        != {"steps":[{"combinator":"and","rules":[]},{"combinator":"and","rules":[]}]} => c d
        """;

    // Of an event: who did some such event.
    private const string Events = """
        [type]
        = "ORDER_COMPLETED" => a b
        != "order_completed" => a b c
        in ["order_refunded","page_viewed"] => a b c
        notIn ["order_completed","page_viewed"] => b
        contains "_COMP" => a b
        doesNotContain "order" => a c
        beginsWith "page" => a c
        doesNotBeginWith "order" => a c
        endsWith "refunded" => b
        doesNotEndWith "d" =>
        null =>
        notNull => a b c

        [channel]
        = "WEB" => a c
        != "web" => a b
        in ["store"] => b
        notIn ["store"] => a c
        contains "TOR" => b
        doesNotContain "tor" => a c
        beginsWith "ST" => b
        doesNotBeginWith "we" => a b
        endsWith "B" => a c
        doesNotEndWith "b" => a b
        null => a
        notNull => a b c

        [occurredAt]
        = "2024-06-10" => a
        != "2023-12-31" => a b
        < "2024-01-01" => c
        <= "2024-05-01" => b c
        > "2024-05-03" => a
        >= "2024-05-03T09:00:00Z" => a b
        between ["2024-05-01","2024-05-31"] => b
        notBetween ["2024-01-01","2024-05-31"] => a c
        in ["2023-12-31","2024-06-05T00:00:00Z"] => a c
        notIn ["2023-12-31"] => a b
        null =>
        notNull => a b c

        [amount]
        = 100.0 => b
        != 10 => a b c
        < 20 => a
        <= 20 => a b
        > 30 => b
        >= 30 => a b
        between [10,20] => a b
        notBetween [0,1000] => a c
        in [30,7] => a
        notIn [10,30,20,100] => a c
        null => a c
        notNull => a b

        [sentiment]
        = 1 => a
        != 1 => a b c
        < 0.333 => a b
        <= 0.333 => a b c
        > 0.333 => a
        >= 0.333 => a c
        between [0,0.5] => c
        notBetween [0,0.5] => a b
        in [0.333,-1] => b c
        notIn [0.333,-1] => a b
        null => a b
        notNull => a b c

        [sentimentSource]
        = "SCORE" => a b
        != "score" => a b c
        in ["words","model"] => a c
        notIn ["words","model"] => a b
        null => a b
        notNull => a b c

        [hourOfDay]
        = 12 => a c
        != 12 => a b
        < 3 => a
        <= 4 => a b
        > 12 => a
        >= 12 => a c
        between [4,5] => b
        notBetween [0,12] => a
        in [2,5] => a b
        notIn [2,12,14] => b
        null =>
        notNull => a b c

        [dayOfWeek]
        = 5 => b
        != 1 => a b
        < 3 => a c
        <= 3 => a b c
        > 5 => a
        >= 5 => a b
        between [4,5] => b
        notBetween [1,5] => a
        in [6,5] => a b
        notIn [1] => a b
        null =>
        notNull => a b c

        [month]
        = 1 => c
        != 1 => a b
        < 5 => c
        <= 5 => b c
        > 5 => a
        >= 5 => a b
        between [5,6] => a b
        notBetween [5,6] => c
        in [1,6] => a c
        notIn [1,6] => b
        null =>
        notNull => a b c

        [properties.p]
        = "RED" => a
        = 5 => b
        != "red" => a b c
        in ["RED","x"] => a
        in [5,6] => b
        notIn ["red","redder"] => a b c
        contains "ED" => a b
        doesNotContain "e" => a b c
        beginsWith "redd" => b
        doesNotBeginWith "r" => a b c
        endsWith "d" => a
        doesNotEndWith "r" => a b c
        < 6 => b
        <= 5 => b
        > 4.5 => b
        >= 5 => b
        between [5,5] => b
        notBetween [5,5] => a b c
        null => a c
        notNull => a b

        [properties.n]
        = 5 => a
        = "5" => b
        != 5 => a b c
        in [5.0,9] => a c
        notIn [5,9,7.5] => a b
        < 8 => a b
        <= 5 => a
        > 5 => b c
        >= 9 => c
        between [7,8] => b
        notBetween [0,100] => a b
        contains "5" => b
        doesNotContain "5" => a b c
        beginsWith "5" => b
        doesNotBeginWith "5" => a b c
        endsWith "5" => b
        doesNotEndWith "5" => a b c
        null => a
        notNull => a b c

        [properties.f]
        = true => a
        = false => b
        != true => a b c
        != false => a b c

        [properties.deep.er]
        = "X" => a
        """;

    // match (and value) => who.
    private const string Matches = """
        {"mode":"atLeast","threshold":2} => a b
        {"mode":"atLeast","threshold":0} => a b c d
        {"mode":"atMost","threshold":1} => c d
        {"mode":"exactly","threshold":2} => b
        {"mode":"exactly","threshold":0} => d
        {"mode":"moreThan","threshold":2} => a
        {"mode":"lessThan","threshold":1} => d
        {"mode":"between","threshold":[1,2]} => b c
        {"mode":"some"} => a b c
        {"mode":"none"} => d
        {"mode":"all"} => a b c d
        {"mode":"atLeast","aggregate":"sum","of":"amount","threshold":40} => a b
        {"mode":"exactly","aggregate":"sum","of":"amount","threshold":0} => c d
        {"mode":"lessThan","aggregate":"sum","of":"amount","threshold":120} => a c d
        {"mode":"exactly","aggregate":"avg","of":"amount","threshold":20} => a
        {"mode":"between","aggregate":"avg","of":"amount","threshold":[20,60]} => a b
        {"mode":"atMost","aggregate":"min","of":"amount","threshold":10} => a
        {"mode":"moreThan","aggregate":"max","of":"amount","threshold":30} => b
        {"mode":"atLeast","aggregate":"max","of":"properties.n","threshold":7.5} => b c
        {"mode":"atLeast","aggregate":"min","of":"occurredAt","threshold":"2024-06-01"} => a
        {"mode":"lessThan","aggregate":"max","of":"occurredAt","threshold":"2024-05-03"} => c
        {"mode":"atMost","aggregate":"max","of":"occurredAt","threshold":"2024-05-03"} => b c
        {"mode":"exactly","aggregate":"max","of":"occurredAt","threshold":"2024-06-10"} => a
        {"mode":"exactly","aggregate":"distinctDays","threshold":2} => b
        {"mode":"moreThan","aggregate":"distinctDays","threshold":2} => a
        {"mode":"exactly","aggregate":"distinct","of":"type","threshold":2} => a b
        {"mode":"exactly","aggregate":"distinct","of":"properties.n","threshold":1} => a c
        {"mode":"lessThan","aggregate":"distinct","of":"channel","threshold":1} => d
        """;

    public static TheoryData<string> CustomerFields => [.. Read(CustomerCases).Select(c => c.Field).Distinct()];

    public static TheoryData<string> EventFieldNames => [.. Read(Events).Select(c => c.Field).Distinct()];

    [Theory]
    [MemberData(nameof(CustomerFields))]
    public Task Customer_EveryOperator(string field) =>
        CheckAsync(Read(CustomerCases).Where(c => c.Field == field).Select(c => (All(Rule(c)), c.Who)));

    [Theory]
    [MemberData(nameof(EventFieldNames))]
    public Task Event_EveryOperator(string field) => CheckAsync(Read(Events).Where(c => c.Field == field)
        .Select(c => (All($$"""{"field":"behavioral.events","operator":"=","match":{"mode":"some"},"value":{{All(Rule(c))}}}"""), c.Who)));

    [Fact]
    public Task Events_EveryMatch() => CheckAsync(Matches.Split('\n').Select(line => line.Split("=>", StringSplitOptions.TrimEntries))
        .Select(m => (All($$"""{"field":"behavioral.events","operator":"=","match":{{m[0]}},"value":{{Everyone}}}"""), m[1])));

    [Fact]
    public void Cases_CoverEveryOperatorOfEveryField()
    {
        var customers = Read(CustomerCases).Select(c => (c.Field, c.Operator)).ToHashSet();
        var missing = world.Definitions.Catalog(Backend.Sql, false).All
            .Append(world.Definitions.Catalog(Backend.Sql, false).Find("consent.marketing")!)
            .SelectMany(f => Operators.ListFor(f).Select(o => (f.Name, o.Name))).Where(pair => !customers.Contains(pair)).ToList();
        Assert.Empty(missing);

        var events = Read(Events).Select(c => (c.Field, c.Operator)).ToHashSet();
        missing = EventFields.Catalog.All.Append(EventFields.Catalog.Find("properties.p")!)
            .SelectMany(f => Operators.ListFor(f).Select(o => (f.Name, o.Name))).Where(pair => !events.Contains(pair)).ToList();
        Assert.Empty(missing);

        // And the catalogs hold what the contract names.
        var contract = """
            demographic.age demographic.birthDate demographic.gender demographic.education demographic.occupation
            demographic.maritalStatus demographic.language
            demographic.income demographic.householdSize demographic.children
            geographic.country geographic.region geographic.city geographic.postalCode geographic.timeZone
            geographic.climate geographic.location
            psychographic.interests psychographic.values psychographic.attitudes psychographic.motivations
            psychographic.lifestyle psychographic.personality psychographic.sentiment
            behavioral.events behavioral.sequence behavioral.lastEventAt behavioral.eventCount behavioral.lastFeedbackAt
            temporal.signedUpAt temporal.firstSeenAt temporal.lastSeenAt temporal.birthday temporal.signupAnniversary
            temporal.localHour temporal.localDayOfWeek
            value.lifetimeValue value.averageOrderValue value.orderCount value.firstOrderAt value.lastOrderAt
            value.daysSinceLastOrder value.percentile value.rfmRecency value.rfmFrequency value.rfmMonetary value.rfmGroup
            behavioral.silence predicted.aliveProbability predicted.churnRisk predicted.orders30 predicted.orders90 predicted.orders365
            predicted.averageOrderValue predicted.lifetimeValue predicted.valuePercentile
            customer.id customer.email customer.firstName customer.lastName customer.createdAt segment
            attributes.plan attributes.ratio attributes.renewal attributes.score attributes.seenAt attributes.tags attributes.trial
            """.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(contract.Order(), world.Definitions.Catalog(Backend.Sql, false).All.Select(f => f.Name).Order());
        Assert.Equal(
            ["amount", "channel", "dayOfWeek", "hourOfDay", "month", "occurredAt", "sentiment", "sentimentSource", "type"],
            EventFields.Catalog.All.Select(f => f.Name).Order());
    }

    private async Task CheckAsync(IEnumerable<(string Rule, string Who)> cases)
    {
        await using var db = world.NewDb();
        List<string> wrong = [];
        foreach (var (rule, who) in cases)
        {
            // The rule and its complement; each now and in the past, in SQL and in memory.
            var complement = string.Join(' ', "a b c d".Split(' ').Except(who.Split(' ')));
            foreach (var (text, expected) in new[]
            {
                (rule, who), ($$"""{"combinator":"and","not":true,"rules":[{{rule}}]}""", complement)
            })
            {
                var answers = await world.AskAsync(db, JsonSerializer.Deserialize<JsonElement>(text));
                if (answers.Any(a => a != expected))
                {
                    wrong.Add(
                        $"{text}: {expected} expected; SQL {answers[0]}, memory {answers[1]}; "
                        + $"in the past: SQL {answers[2]}, memory {answers[3]}");
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static string Rule((string Field, string Operator, string? Value, string Who) c) => c.Field == "behavioral.events"
        ? $$"""{"field":"{{c.Field}}","operator":"{{c.Operator}}","match":{"mode":"some"},"value":{{c.Value}}}"""
        : Is(c.Field, c.Operator, c.Value);

    private static IEnumerable<(string Field, string Operator, string? Value, string Who)> Read(string table)
    {
        string[] fields = [];
        foreach (var line in table.Replace("\\\n", "", StringComparison.Ordinal).Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0))
        {
            if (line[0] == '[')
            {
                fields = line[1..^1].Split(' ');
                continue;
            }

            var match = Line().Match(line);
            Assert.True(match.Success, line);
            foreach (var field in fields)
            {
                yield return (
                    field, match.Groups[1].Value, match.Groups[2].Length == 0 ? null : match.Groups[2].Value, match.Groups[3].Value);
            }
        }
    }

    [GeneratedRegex(@"^(\S+)\s*(.*?)\s*=>\s*([a-d ]*)$")]
    private static partial Regex Line();
}
