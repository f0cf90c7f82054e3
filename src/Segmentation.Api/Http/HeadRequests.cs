namespace Segmentation.Api.Http;

/// <summary>Answers HEAD wherever GET is answered: as GET, without the body.</summary>
internal static class HeadRequests
{
    private static readonly object Asked = new();

    /// <summary>Has HEAD go on as GET. The server itself sends no body to it.</summary>
    public static void UseHeadWhereGet(this IApplicationBuilder app) => app.Use(async (context, next) =>
    {
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await next(context);
            return;
        }

        context.Items[Asked] = Asked;
        context.Request.Method = HttpMethods.Get;
        try
        {
            await next(context);
        }
        finally
        {
            context.Request.Method = HttpMethods.Head;
        }
    });

    /// <summary>Whether nothing but headers is wanted, so that a long body need not be made.</summary>
    public static bool IsHead(this HttpContext context) => context.Items.ContainsKey(Asked);
}
