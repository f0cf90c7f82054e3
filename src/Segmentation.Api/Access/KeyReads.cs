using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;

namespace Segmentation.Api.Access;

/// <summary>Reads keys while a request is authenticated, which has no work of its own yet.</summary>
internal static class KeyReads
{
    public static async Task<T> ReadKeysAsync<T>(this IServiceScopeFactory scopes, Func<IQueryable<ApiKey>, Task<T>> read)
    {
        await using var scope = scopes.CreateAsyncScope();
        var services = scope.ServiceProvider;
        services.GetRequiredService<Work>().Begin(WorkClass.Point);
        var db = services.GetRequiredService<SegmentationDb>();
        return await services.GetRequiredService<DataSources>().RepeatAsync(() => read(db.ApiKeys.AsNoTracking()));
    }
}
