using KillTests;

return await KillTest.RunAsync(KillOptions.Read(args));
