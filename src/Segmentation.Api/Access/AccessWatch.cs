using System.Data.Common;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Features;

namespace Segmentation.Api.Access;

/// <summary>Ends what goes on for long once its caller would not be let in any more: its key is revoked, its token has expired.</summary>
public sealed class AccessWatch(IServiceScopeFactory scopes, TimeProvider time)
{
    // What is known of a key is up to five seconds old besides, in other processes than the one that changed it.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Cancels when the request would be refused if it came now. Never fails; ends with what is cancelled.</summary>
    public async Task CancelWhenRefusedAsync(HttpContext context, CancellationTokenSource ending)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do
            {
                await timer.WaitForNextTickAsync(ending.Token);
            }
            while (await IsLetInAsync(context));
            await ending.CancelAsync();
        }
        catch (OperationCanceledException)
        {
            // It has ended by itself.
        }
    }

    // The request's own answer is kept with it: the same is asked of a handler of its own.
    private async Task<bool> IsLetInAsync(HttpContext context)
    {
        try
        {
            var scheme = context.Features.GetRequiredFeature<IAuthenticateResultFeature>().AuthenticateResult!.Ticket!.AuthenticationScheme;
            await using var scope = scopes.CreateAsyncScope();
            var services = scope.ServiceProvider;
            var handler = await services.GetRequiredService<IAuthenticationHandlerProvider>().GetHandlerAsync(context, scheme);
            if ((await handler!.AuthenticateAsync()).Principal is not { } user)
            {
                return false;
            }

            var needed = context.GetEndpoint()!.Metadata.GetOrderedMetadata<IAuthorizationRequirementData>()
                .SelectMany(d => d.GetRequirements());
            return (await services.GetRequiredService<IAuthorizationService>().AuthorizeAsync(user, context, needed)).Succeeded;
        }
        catch (Exception e) when (e is DbException or InvalidOperationException { InnerException: DbException })
        {
            return true; // The database does not answer: not known for now.
        }
    }
}
