namespace Segmentation.Models.Propensities;

/// <summary>Divides customers the same way on every machine, whatever their order.</summary>
public static class CustomerHash
{
    /// <summary>A number from 0 to below 1 that a customer has for a seed: as if drawn.</summary>
    /// <remarks>The finalizer of SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA
    /// 2014.</remarks>
    public static double Share(int seed, long customer)
    {
        var mixed = Mix(Mix((ulong)seed + 0x9E3779B97F4A7C15) ^ (ulong)customer);
        return (mixed >> 11) * (1.0 / (1UL << 53));
    }

    /// <summary>The same by the id that the caller gave the customer, which is alike wherever and whenever it was stored.</summary>
    /// <remarks>The id's code units by FNV-1a: G. Fowler, L. C. Noll, K.-P. Vo, 1991.</remarks>
    public static double Share(int seed, string id)
    {
        unchecked
        {
            var hash = 0xCBF29CE484222325;
            foreach (var unit in id)
            {
                hash = (hash ^ unit) * 0x100000001B3;
            }

            return Share(seed, (long)hash);
        }
    }

    private static ulong Mix(ulong z)
    {
        unchecked
        {
            z += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }
}
