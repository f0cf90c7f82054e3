namespace Segmentation.Api.Changes;

/// <summary>Why a customer joined or left.</summary>
public enum MembershipCause : short
{
    /// <summary>An event was stored.</summary>
    Event = 1,

    /// <summary>The customer's profile, consents or attributes were written.</summary>
    Profile = 2,

    /// <summary>Time passed.</summary>
    Time = 3,

    /// <summary>The segment's definition, or one that it refers to, changed; its version is the revision's.</summary>
    Definition = 4,

    /// <summary>Someone put the customer in, or took it out.</summary>
    Manual = 5,

    /// <summary>An import wrote the customer, or more events than are evaluated one by one.</summary>
    Import = 6,

    /// <summary>A refresh found drift, which should never be seen.</summary>
    Refresh = 7,

    /// <summary>The customer was erased. Of this only the number stays. What an anonymous one joined as it became that bears this
    /// cause, too.</summary>
    Erased = 8,

    /// <summary>New scores, or new thresholds of scores, were stored: those of RFM are each day.</summary>
    Score = 9,

    /// <summary>A consent that the segment requires, or one that its rule refers to, was given, was withdrawn, or has expired.</summary>
    Consent = 10,

    /// <summary>The customer was restricted, or no longer is.</summary>
    Restriction = 11,
}

/// <summary>Causes that have something in common.</summary>
internal static class MembershipCauses
{
    /// <summary>Those, in SQL, of who has left since it may not be a member: nobody is told from then on that it had joined.</summary>
    public static readonly string BarredSql = $"({(short)MembershipCause.Consent}, {(short)MembershipCause.Restriction})";
}
