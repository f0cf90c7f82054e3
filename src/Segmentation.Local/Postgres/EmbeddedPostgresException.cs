namespace Segmentation.Api.Embedded;

/// <summary>The private PostgreSQL can't be used. The message is meant for the person who started the API: what is wrong and what to do.</summary>
internal sealed class EmbeddedPostgresException : Exception
{
    /// <summary>An error to show to the user.</summary>
    /// <param name="message">What is wrong and what to do about it.</param>
    /// <param name="inner">The cause, when it was an exception.</param>
    public EmbeddedPostgresException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
