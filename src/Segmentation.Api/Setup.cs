using Segmentation.Api.Access;
using Segmentation.Api.Admission;
using Segmentation.Api.Analyses;
using Segmentation.Api.Audit;
using Segmentation.Api.Customers;
using Segmentation.Api.Data;
using Segmentation.Api.Discovery;
using Segmentation.Api.Endpoints;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Events;
using Segmentation.Api.Experiments;
using Segmentation.Api.Feedback;
using Segmentation.Api.History;
using Segmentation.Api.Http;
using Segmentation.Api.Idempotency;
using Segmentation.Api.Insight;
using Segmentation.Api.Memberships;
using Segmentation.Api.Playbooks;
using Segmentation.Api.Predictions;
using Segmentation.Api.Rights;
using Segmentation.Api.Segments;
using Segmentation.Api.Streams;
using Segmentation.Api.Webhooks;
using Serilog;

namespace Segmentation.Api;

/// <summary>What the service is made of, a line a room, bottom first; and the order in which a request passes through it.</summary>
internal static class Setup
{
    public static void AddSegmentation(this WebApplicationBuilder builder, string connectionString)
    {
        var (services, configuration) = (builder.Services, builder.Configuration);
        services.AddHttp(configuration);
        services.AddData(connectionString, configuration);
        services.AddAccess(configuration);
        services.AddAdmission(configuration);
        services.AddIdempotency();
        services.AddAudit(configuration);
        services.AddCustomers(configuration);
        services.AddEvents(configuration);
        services.AddSegments(configuration);
        services.AddMemberships(configuration);
        services.AddHistory();
        services.AddWebhooks(configuration);
        services.AddStreams(configuration);
        services.AddAnalyses(configuration);
        services.AddInsight(configuration);
        services.AddPredictions(configuration);
        services.AddFeedback();
        services.AddExperiments();
        services.AddPlaybooks(configuration);
        services.AddDiscovery();
        services.AddRights(configuration);
        services.AddEndpoints(configuration);
    }

    public static void UseSegmentation(this WebApplication app)
    {
        app.UseUnreadBodies();
        app.UseAnswerHeaders();
        app.UseSerilogRequestLogging(RequestLogging.Configure);
        app.UseHeadWhereGet();
        app.UseExceptionHandler();
        app.UseStatusCodePages(context => ApiExceptionHandler.WriteStatusAsync(context.HttpContext));
        app.UseEdgeChecks();
        app.UseRouting();
        app.UseCors();
        app.UseSegmentationSwagger();
        app.UseSchemaCheck();
        app.UseRefusals();
        app.UseAuditOfRefusals();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseAdmission();
        app.UseRequestUnpacking();
        app.UseRepeatedReads();
        app.MapEndpoints();
    }
}
