using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Segmentation.Api.Tests.Start;

/// <summary>Answers as a PostgreSQL does that can't be had in a test: an old one, a standby, one that refuses.</summary>
internal sealed class FakePostgres : IDisposable
{
    private const int SslRequest = 80_877_103;
    private const int GssRequest = 80_877_104;

    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly byte[] answer;
    private readonly bool talksFirst;

    /// <param name="answer">What it sends to whoever wants to begin a session.</param>
    /// <param name="talksFirst">Whether it answers anything with that, as a program does that knows nothing of PostgreSQL.</param>
    private FakePostgres(byte[] answer, bool talksFirst = false)
    {
        (this.answer, this.talksFirst) = (answer, talksFirst);
        listener.Start();
        _ = AnswerAsync();
    }

    public string ConnectionString =>
        $"Host=127.0.0.1;Port={((IPEndPoint)listener.LocalEndpoint).Port};Username=me;Password=topsecret;Database=data;"
        + "Timeout=5;Server Compatibility Mode=NoTypeLoading";

    /// <summary>One that lets nobody in.</summary>
    public static FakePostgres Refuse(string sqlState, string text) =>
        new(Message('E', $"SFATAL\0VFATAL\0C{sqlState}\0M{text}\0\0"));

    /// <summary>One that asks for a password, in a way of its own.</summary>
    public static FakePostgres AskPassword() => new(Message('R', "\0\0\0\u0003"));

    /// <summary>One that lets everybody in, and reports these parameters.</summary>
    public static FakePostgres LetIn(params (string Name, string Value)[] parameters) => new(
    [
        .. Message('R', "\0\0\0\0"), .. parameters.SelectMany(p => Message('S', $"{p.Name}\0{p.Value}\0")), .. Message('Z', "I"),
    ]);

    /// <summary>Something else.</summary>
    public static FakePostgres Other() => new(Encoding.ASCII.GetBytes("HTTP/1.1 400 Bad Request\r\n\r\n"), talksFirst: true);

    public void Dispose() => listener.Dispose();

    private async Task AnswerAsync()
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync();
                await AnswerAsync(client.GetStream());
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    private async Task AnswerAsync(NetworkStream stream)
    {
        try
        {
            var length = new byte[4];
            while (true)
            {
                await stream.ReadExactlyAsync(length);
                var body = new byte[BinaryPrimitives.ReadInt32BigEndian(length) - 4];
                await stream.ReadExactlyAsync(body);
                if (talksFirst || BinaryPrimitives.ReadInt32BigEndian(body) is not (SslRequest or GssRequest))
                {
                    break;
                }

                await stream.WriteAsync("N"u8.ToArray());
            }

            await stream.WriteAsync(answer);
            if (!talksFirst)
            {
                await stream.CopyToAsync(Stream.Null); // Until the client is done.
            }
        }
        catch (IOException)
        {
            // The client has gone.
        }
    }

    private static byte[] Message(char type, string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var message = new byte[5 + bytes.Length];
        message[0] = (byte)type;
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), 4 + bytes.Length);
        bytes.CopyTo(message, 5);
        return message;
    }
}
