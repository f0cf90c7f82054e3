using KillTests;

var options = KillOptions.Read(args);
return await (options.Retries ? KillRetries.RunAsync(options) : KillTest.RunAsync(options));
