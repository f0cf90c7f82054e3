using Segmentation.Api;

return await Startup.RunAsync(args);

/// <summary>The entry point, for tests of the whole API.</summary>
public sealed partial class Program;
