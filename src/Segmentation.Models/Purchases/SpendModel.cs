using MathNet.Numerics;

namespace Segmentation.Models.Purchases;

/// <summary>
/// Gamma-gamma: amounts of a customer's purchases vary around a mean of its own, and means vary between customers, whatever the frequency.
/// P. S. Fader, B. G. S. Hardie, "The gamma-gamma model of monetary value" (2013). <paramref name="Gamma"/> has the unit of amounts.
/// </summary>
public sealed record SpendModel(double P, double Q, double Gamma)
{
    /// <summary>The mean over customers; there is one where q is above 1.</summary>
    public double Mean => P * Gamma / (Q - 1);

    /// <summary>The mean amount that is expected of a customer's next purchases.</summary>
    /// <param name="count">n: how many of its amounts are known; 0 for the mean over customers.</param>
    /// <param name="mean">m: their mean.</param>
    public double Expect(double count, double mean) => count == 0 ? Mean : P * (Gamma + (mean * count)) / ((P * count) + Q - 1);

    /// <summary>ln L of one customer with <paramref name="count"/> amounts above 0.</summary>
    public double LogLikelihood(double count, double mean) =>
        SpecialFunctions.GammaLn((P * count) + Q) - SpecialFunctions.GammaLn(P * count) - SpecialFunctions.GammaLn(Q)
        + (Q * Math.Log(Gamma)) + (((P * count) - 1) * Math.Log(mean)) + (P * count * Math.Log(count))
        - (((P * count) + Q) * Math.Log(Gamma + (mean * count)));
}
