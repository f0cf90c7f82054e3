using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;

namespace Segmentation.Api.Access;

/// <summary>Lets in whoever says nothing of who it is, where the service is open.</summary>
internal sealed class OpenHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, Doors doors)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "None";

    private static readonly AuthenticateResult Anyone =
        AuthenticateResult.Success(new AuthenticationTicket(CallerIdentity.CreateUser(Caller.Anyone), SchemeName));

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        // What is for anyone is answered without the database.
        var isOpen = Context.GetEndpoint()?.Metadata.GetMetadata<IAllowAnonymous>() is null
            ? await doors.AreOpenAsync(Context.RequestAborted)
            : doors.WasOpen;
        return isOpen ? Anyone : AuthenticateResult.NoResult();
    }
}
