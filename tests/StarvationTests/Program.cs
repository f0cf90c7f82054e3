using StarvationTests;

return await StarvationTest.RunAsync(StarvationOptions.Read(args));
