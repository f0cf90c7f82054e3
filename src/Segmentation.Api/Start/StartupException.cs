namespace Segmentation.Api;

/// <summary>The service can't start. The message is for the person who started it: what is wrong and what to do.</summary>
/// <param name="message">What is wrong and what to do about it.</param>
/// <param name="inner">The cause, when it was an exception.</param>
internal class StartupException(string message, Exception? inner = null) : Exception(message, inner);
