using Microsoft.AspNetCore.Hosting;
using Segmentation.Api.Data;

namespace Segmentation.Api.Tests;

internal static class FastSenders
{
    /// <summary>Has no rate refuse a test, which is faster than anybody.</summary>
    public static void UseFastSenders(this IWebHostBuilder builder)
    {
        foreach (var rate in Enum.GetNames<RateName>())
        {
            builder.UseSetting($"Limits:Rates:{rate}:Burst", "1000000");
        }
    }
}
