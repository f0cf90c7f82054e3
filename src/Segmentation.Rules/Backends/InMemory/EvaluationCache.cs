using System.Reflection;
using Segmentation.Rules.Values;

namespace Segmentation.Rules.Backends.InMemory;

/// <summary>
/// What a rule's date or number means on a clock, cached for the evaluation that read it last: it will read it for the next customer too.
/// </summary>
internal sealed class EvaluationCache<T>(Func<Evaluation, T> read)
{
    private volatile Entry? last;

    public T Get(Evaluation at)
    {
        var entry = last;
        if (entry is null || entry.At != at)
        {
            entry = new Entry(at, read(at));
            last = entry;
        }

        return entry.Value;
    }

    private sealed class Entry(Evaluation at, T value)
    {
        public readonly Evaluation At = at;
        public readonly T Value = value;
    }
}

/// <inheritdoc cref="EvaluationCache{T}"/>
internal static class EvaluationCache
{
    /// <summary>A cache of a method of the clock, called with constant arguments.</summary>
    /// <exception cref="NotSupportedException">The method takes other arguments than one or two dates or a number.</exception>
    public static object Create(MethodInfo method, object[] arguments) => typeof(EvaluationCache)
        .GetMethod(nameof(CreateTyped), BindingFlags.NonPublic | BindingFlags.Static)!
        .MakeGenericMethod(method.ReturnType)
        .Invoke(null, [method, arguments])!;

    private static EvaluationCache<T> CreateTyped<T>(MethodInfo method, object[] arguments)
    {
        switch (arguments)
        {
            case [DateValue date]:
                var ofDate = method.CreateDelegate<Func<Evaluation, DateValue, T>>();
                return new(x => ofDate(x, date));
            case [DateValue low, DateValue high]:
                var ofDates = method.CreateDelegate<Func<Evaluation, DateValue, DateValue, T>>();
                return new(x => ofDates(x, low, high));
            case [decimal number]:
                var ofNumber = method.CreateDelegate<Func<Evaluation, decimal, T>>();
                return new(x => ofNumber(x, number));
            default:
                throw new NotSupportedException(method.Name);
        }
    }
}
