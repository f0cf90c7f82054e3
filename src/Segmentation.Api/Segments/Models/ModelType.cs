using Segmentation.Models.Purchases;
using Segmentation.Rules.Checking;

namespace Segmentation.Api.Segments;

/// <summary>
/// A type of model, as definitions know it. One is registered in <c>AddSegments</c>
/// (<c>services.AddScoped&lt;ModelType, LifetimeValueType&gt;()</c>); what fits it, in the room <c>Predictions</c>, has the same name.
/// </summary>
public abstract class ModelType
{
    private const int DefaultRefitDays = 7;

    /// <summary>What settings say in <c>type</c>.</summary>
    public abstract string Name { get; }

    /// <summary>The key of its one model, which is always there; null where users define models of this type.</summary>
    public virtual string? BuiltInKey => null;

    /// <summary>What holds while none was fitted, in a sentence; null where that is nothing.</summary>
    public virtual string? WithoutVersion => null;

    /// <summary>The settings that are kept: this type's, with defaults where they were left out. What it leaves out is a fault.</summary>
    /// <param name="settings">As they were sent.</param>
    /// <param name="errors">Takes what is wrong, with pointers into the settings.</param>
    internal abstract ModelSettings Complete(ModelSettings settings, List<RuleError> errors);

    /// <summary>Adds what is wrong with settings by what else is defined.</summary>
    internal virtual Task CheckAsync(ModelSettings settings, List<RuleError> errors, CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>The keys of the active segments that read a model, directly or not.</summary>
    internal virtual Task<IReadOnlyList<string>> ListUsersAsync(string key, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<string>>([]);

    /// <summary>Adds a fault unless a setting is what it has to be.</summary>
    protected static void Require(bool holds, string pointer, string message, List<RuleError> errors)
    {
        if (!holds)
        {
            errors.Add(new RuleError(pointer, message));
        }
    }

    /// <summary>The setting <c>refitDays</c>, which each type has.</summary>
    protected static int RefitDays(ModelSettings settings, List<RuleError> errors)
    {
        Require(settings.RefitDays is null or (>= 1 and <= 365), "/refitDays", "refitDays must be an integer from 1 to 365.", errors);
        return settings.RefitDays ?? DefaultRefitDays;
    }
}

/// <summary>Lifetime value: how many orders to expect of a customer, and what it is worth.</summary>
internal sealed class LifetimeValueType : ModelType
{
    /// <summary>Of the type, and of its model.</summary>
    public const string TypeName = "lifetimeValue";

    public override string Name => TypeName;

    public override string? BuiltInKey => TypeName;

    internal override ModelSettings Complete(ModelSettings settings, List<RuleError> errors)
    {
        Require(settings.ChurnDays is null or (>= 1 and <= 3650), "/churnDays", "churnDays must be an integer from 1 to 3650.", errors);
        Require(settings.DiscountRate is null or (>= 0 and <= 10), "/discountRate", "discountRate must be a number from 0 to 10.", errors);
        Require(settings.Margin is null or (> 0 and <= 1), "/margin", "margin must be a number above 0, and at most 1.", errors);
        return new ModelSettings
        {
            Type = Name,
            Frequency = settings.Frequency ?? FrequencyKind.MbgNbd,
            ChurnDays = settings.ChurnDays ?? 90,
            DiscountRate = settings.DiscountRate ?? 0.10m,
            Margin = settings.Margin ?? 1,
            RefitDays = RefitDays(settings, errors),
        };
    }
}

/// <summary>Feedback: whether a text is positive or negative, as rated texts have taught it.</summary>
internal sealed class FeedbackType : ModelType
{
    /// <summary>Of the type, and of its model.</summary>
    public const string TypeName = "feedback";

    public override string Name => TypeName;

    public override string? BuiltInKey => TypeName;

    public override string? WithoutVersion =>
        "No model is in force: texts in English have the sentiment of a list of words, texts in other languages have none.";

    internal override ModelSettings Complete(ModelSettings settings, List<RuleError> errors) =>
        new() { Type = Name, RefitDays = RefitDays(settings, errors) };
}
