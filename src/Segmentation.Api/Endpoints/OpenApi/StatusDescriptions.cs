namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>What the statuses mean, whatever the operation.</summary>
internal static class StatusDescriptions
{
    public static readonly Dictionary<string, string> All = new()
    {
        ["200"] = "OK.",
        ["201"] = "Created.",
        ["202"] = "Accepted. The work goes on after this answer.",
        ["204"] = "No content.",
        ["304"] = "Nothing has changed since the ETag in If-None-Match.",
        ["400"] = "Malformed or invalid. `errors` names each fault.",
        ["401"] = "No key or token, or one that is not valid.",
        ["403"] = "The key or token has not the scope that this needs, or is not for this; or the page that sent it may not write here.",
        ["404"] = "Not found.",
        ["406"] = "Accept excludes what there is here.",
        ["408"] = "The body came too slowly.",
        ["409"] = "Conflict. The title says with what.",
        ["412"] = "It has changed since the version in If-Match, or is there already (If-None-Match: *).",
        ["413"] = "The body is too large.",
        ["415"] = "The body's Content-Type, charset or Content-Encoding is not taken here; the title says which are.",
        ["429"] = "More than this key may send, or have under way at once. Try again after `Retry-After`.",
        ["500"] = "The service failed. Its log says why.",
        ["503"] = "The service is busy, or its database can't be reached. Try again after `Retry-After`.",
        ["504"] = "The statement took longer than its class of work may, and was stopped.",
    };

    public static bool IsError(string status) => string.CompareOrdinal(status, "400") >= 0;
}
