namespace Segmentation.Api.Customers;

/// <summary>Who makes what a member of <see cref="Customer"/> holds.</summary>
[Flags]
internal enum Maker
{
    /// <summary>Whoever writes the profile.</summary>
    Profile = 1,

    /// <summary>The profile's first write alone.</summary>
    Creation = 2,

    /// <summary>Every write of the profile, whatever it changes; no rule reads it.</summary>
    Write = 4,

    /// <summary>Every event that is stored.</summary>
    Events = 8,

    /// <summary>An event that is an order.</summary>
    Orders = 16,

    /// <summary>An event that is a refund.</summary>
    Refunds = 32,

    /// <summary>An event that is feedback.</summary>
    Feedback = 256,

    /// <summary>The database: the key.</summary>
    Database = 64,

    /// <summary>Rows of other tables: it is no column of the customer's own.</summary>
    OtherRows = 128,

    /// <summary>Scoring: a row of its own for each customer.</summary>
    Scoring = 512,

    /// <summary>The end of the time for which events are kept; no rule as of now reads it.</summary>
    Retention = 1024,

    /// <summary>Whoever restricts a customer, or no longer does.</summary>
    Restriction = 2048,
}

/// <summary>
/// Says who makes a member of <see cref="Customer"/>, where that is not the profile alone. A part's members are its maker's.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class MadeByAttribute(Maker maker) : Attribute
{
    public Maker Maker => maker;
}
