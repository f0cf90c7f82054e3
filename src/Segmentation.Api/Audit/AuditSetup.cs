using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Segmentation.Api.Audit;

internal static class AuditSetup
{
    /// <summary>Who changed what: a chain of entries that only grows.</summary>
    public static void AddAudit(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddHttpContextAccessor();
        services.AddSingleton(configuration.GetSection(AuditOptions.Section).Get<AuditOptions>() ?? new AuditOptions());
        services.AddSingleton<CustomerMarks>();
        services.AddSingleton<AuditLog>();
        services.AddSingleton<IInterceptor, AuditInterceptor>();
        services.AddScoped<AuditReader>();
        services.AddSingleton<RefusedCallers>();
        services.AddHostedService(s => s.GetRequiredService<RefusedCallers>());
        services.AddHostedService<AuditAnchor>();
    }

    /// <summary>Counts who was not let in.</summary>
    public static void UseAuditOfRefusals(this IApplicationBuilder app)
    {
        var refused = app.ApplicationServices.GetRequiredService<RefusedCallers>();
        app.Use(async (context, next) =>
        {
            await next(context);
            if (context.Response.StatusCode == StatusCodes.Status401Unauthorized)
            {
                refused.Count(context.Connection.RemoteIpAddress);
            }
        });
    }
}

/// <summary>The configuration section <c>Audit</c>.</summary>
public sealed class AuditOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Audit";

    /// <summary>Days for which entries are kept: whole months, which <c>--prune-audit</c> drops.</summary>
    public int KeepDays { get; init; } = 730;

    /// <summary>A file that the chain's head is appended to; null for none.</summary>
    public string? AnchorFile { get; init; }
}
