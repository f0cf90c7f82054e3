using FluentValidation;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Caching.Memory;
using Npgsql;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Endpoints;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Events;
using Segmentation.Api.Http;
using Segmentation.Api.Memberships;
using Segmentation.Api.Segments;
using Segmentation.Api.Webhooks;
using Segmentation.Rules;
using Serilog;

namespace Segmentation.Api;

/// <summary>What the service is made of, and the order in which a request passes through it.</summary>
internal static class Setup
{
    // EF Core's own cache holds some 1,000 query shapes; thousands of segments have more.
    private const int QueryShapes = 20_000;

    public static void AddSegmentation(this WebApplicationBuilder builder, string connectionString)
    {
        var (services, configuration) = (builder.Services, builder.Configuration);
        var revenue = new RevenueOptions();
        revenue.OrderTypes = configuration.GetSection("Revenue:OrderTypes").Get<string[]>() ?? revenue.OrderTypes;
        revenue.RefundTypes = configuration.GetSection("Revenue:RefundTypes").Get<string[]>() ?? revenue.RefundTypes;

        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(revenue);
        services.AddSingleton(configuration.GetSection("Rules").Get<RuleLimits>() ?? new RuleLimits());
        services.AddSingleton<CustomerFields>();
        services.AddSingleton<DefinitionCache>();
        services.AddSingleton<CustomerRowReaders>();
        services.AddSingleton(configuration.GetSection("Membership").Get<MembershipOptions>() ?? new MembershipOptions());
        services.AddScoped<SegmentQuery>();
        services.AddScoped<SegmentStore>();
        services.AddScoped<SegmentOverlap>();
        services.AddScoped<CustomerSnapshots>();
        services.AddScoped<CustomerImport>();
        services.AddSingleton<IngestThrottle>();
        services.AddScoped<EventStore>();
        services.AddScoped<EventIngest>();
        services.AddValidatorsFromAssemblyContaining<Program>(ServiceLifetime.Singleton, includeInternalTypes: true);
        services.AddWebhooks(configuration);

        services.AddSingleton(_ => new StoredMembership(Connection(connectionString, configuration)));
        services.AddKeyedSingleton(MembershipLeadership.Source, (_, _) => MembershipLeadership.CreateSource(Connection(connectionString, configuration)));
        services.AddScoped<SegmentStates>();
        services.AddHostedService<MembershipLeadership>();

        services.AddSingleton(NpgsqlDataSource.Create(Connection(connectionString, configuration)));
        services.AddSingleton(s => TimeZones.ReadAsync(s.GetRequiredService<NpgsqlDataSource>(), CancellationToken.None).GetAwaiter().GetResult());
        var shapes = new MemoryCache(new MemoryCacheOptions { SizeLimit = 10 * QueryShapes });
        services.AddDbContextPool<SegmentationDb>((s, options) => options
            .UseNpgsql(s.GetRequiredService<NpgsqlDataSource>()).UseMemoryCache(shapes)
            .ConfigureWarnings(w => w.Ignore(
                CoreEventId.FirstWithoutOrderByAndFilterWarning, CoreEventId.RowLimitingOperationWithoutOrderByWarning,
                CoreEventId.ManyServiceProvidersCreatedWarning))); // One a host; a process has more than one only where tests run.

        services.AddControllers(o =>
        {
            o.InputFormatters.Clear();
            o.InputFormatters.Add(new JsonBodyFormatter());
            o.SuppressAsyncSuffixInActionNames = false;
        }).AddJsonOptions(o => Json.Configure(o.JsonSerializerOptions));
        services.Configure<ApiBehaviorOptions>(o =>
        {
            o.InvalidModelStateResponseFactory = context => throw ModelProblem(context);
            o.SuppressMapClientErrors = true; // Written with the rest, as application/problem+json whatever the action produces.
        });
        services.AddProblemDetails();
        services.AddExceptionHandler<ApiExceptionHandler>();
        services.AddSwagger();
        services.AddCors(o => o.AddDefaultPolicy(p => p
            .WithOrigins(configuration.GetSection("Cors:Origins").Get<string[]>() ?? []).AllowAnyHeader().AllowAnyMethod().WithExposedHeaders("ETag", "Location", "Retry-After")));
        services.Configure<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>(o => o.Limits.MaxRequestBodySize = 1024 * 1024);
    }

    public static void UseSegmentation(this WebApplication app)
    {
        app.UseSerilogRequestLogging(RequestLogging.Configure);
        app.UseExceptionHandler();
        app.UseStatusCodePages(context => ApiExceptionHandler.WriteAsync(
            context.HttpContext, new ApiProblem(context.HttpContext.Response.StatusCode, Reason(context.HttpContext.Response.StatusCode)), context.HttpContext.RequestAborted));
        app.UseSegmentationSwagger();
        app.UseCors();
        app.MapControllers();
        app.MapGet("/", () => Results.Redirect("/swagger")).ExcludeFromDescription();
        app.MapGet("/health/live", () => Results.Ok(new Health("ok"))).Produces<Health>().WithName("Service_Live").WithTags("Service").WithSummary("Whether the service runs.");
        app.MapGet("/health/ready", ReadyAsync).Produces<Health>().WithName("Service_Ready").WithTags("Service").WithSummary("Whether it can answer: the database is there, and migrated.");
    }

    private static async Task<IResult> ReadyAsync(SegmentationDb db, CancellationToken cancellation)
    {
        var pending = await db.Database.GetPendingMigrationsAsync(cancellation);
        return pending.Any() ? throw new ApiProblem(StatusCodes.Status503ServiceUnavailable, "The database's migrations are not applied: start with --migrate.") : Results.Ok(new Health("ok"));
    }

    private static string Connection(string connectionString, IConfiguration configuration)
    {
        var timeout = configuration.GetValue("Database:StatementTimeoutSeconds", 30);
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            CommandTimeout = timeout,
            ApplicationName = "segmentation",
            Timezone = "UTC",
        };
        settings.MaxAutoPrepare = settings.MaxAutoPrepare == 0 ? 200 : settings.MaxAutoPrepare;

        // Plans are made for the values at hand: a list of a thousand is hashed, a rare value gets its index. Compiling machine code for a plan
        // costs more than these plans run.
        settings.Options = $"{settings.Options} -c plan_cache_mode=force_custom_plan -c jit=off -c work_mem={configuration.GetValue("Database:WorkMem", "64MB")}".Trim();
        return settings.ConnectionString;
    }

    // The path's and query's faults; the body's are thrown where they are read.
    private static ApiProblem ModelProblem(ActionContext context) => ApiProblem.Invalid(
        context.ModelState.Where(m => m.Value is { Errors.Count: > 0 }).Select(m => new RuleError(m.Key, m.Key.Length == 0 ? "A JSON body is needed."
            : context.ActionDescriptor.Parameters.Any(p => p.Name == m.Key && p.ParameterType == typeof(Instant?)) ? $"{m.Key} takes {Instant.Takes}."
            : $"{m.Key} does not take this value.")));

    private static string Reason(int status) => status switch
    {
        StatusCodes.Status404NotFound => "There is nothing at this address.",
        StatusCodes.Status405MethodNotAllowed => "This address does not take that method.",
        StatusCodes.Status406NotAcceptable => "None of the media types in Accept can be given.",
        StatusCodes.Status415UnsupportedMediaType => "The body's media type is not supported here.",
        StatusCodes.Status413PayloadTooLarge => "The body is too large.",
        _ => "The request could not be answered.",
    };

    /// <summary>That all is well.</summary>
    public sealed record Health(string Status);
}
