using Segmentation.Api;

namespace Segmentation.Local;

/// <summary>The private PostgreSQL can't be used.</summary>
/// <param name="message">What is wrong and what to do about it.</param>
/// <param name="inner">The cause, when it was an exception.</param>
internal sealed class EmbeddedPostgresException(string message, Exception? inner = null) : StartupException(message, inner);
