namespace Segmentation.Api.Endpoints.OpenApi;

/// <summary>What the statuses mean, whatever the operation.</summary>
internal static class StatusDescriptions
{
    public static readonly Dictionary<string, string> All = new()
    {
        ["200"] = "Done.",
        ["201"] = "Created.",
        ["202"] = "Taken up; it goes on after this answer.",
        ["204"] = "Done; nothing to say.",
        ["304"] = "Nothing has changed since the ETag in If-None-Match.",
        ["400"] = "Malformed or invalid: errors says what, by JSON Pointer or the parameter's name.",
        ["404"] = "There is no such thing.",
        ["406"] = "Accept excludes what there is here.",
        ["409"] = "In conflict with what is there; the title says with what.",
        ["412"] = "It has changed since the version in If-Match, or is there already (If-None-Match: *).",
        ["413"] = "The body is too large.",
        ["415"] = "The body's Content-Type, charset or Content-Encoding is not taken here; the title says which are.",
        ["429"] = "Too much at once. Try again after Retry-After.",
        ["500"] = "The service failed; its log says why.",
        ["503"] = "The database can't be reached. Try again after Retry-After.",
        ["504"] = "The statement took too long and was stopped.",
    };

    public static bool IsError(string status) => string.CompareOrdinal(status, "400") >= 0;
}
