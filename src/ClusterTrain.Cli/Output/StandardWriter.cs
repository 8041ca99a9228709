using System.Text;

namespace ClusterTrain.Cli.Output;

/// <summary>
/// A standard stream. A result that cannot be written there is an error that names the stream. A terminal that cannot be written to is gone, and
/// the error stream has no other to tell it on: what goes there is dropped, so that a run whose terminal was closed ends in good order.
/// </summary>
/// <param name="stream">The stream.</param>
/// <param name="name">What the error calls it; null: what cannot be written is dropped.</param>
internal sealed class StandardWriter(TextWriter stream, string? name) : TextWriter
{
    public override Encoding Encoding => stream.Encoding;

    public override void Write(char value) => Try(() => stream.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => stream.Write(buffer, index, count));

    public override void Write(string? value) => Try(() => stream.Write(value));

    public override void WriteLine(string? value) => Try(() => stream.WriteLine(value));

    public override void Flush() => Try(stream.Flush);

    private void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A stream that was closed before the start is the one that may not be written to.
            if (name is not null)
            {
                throw new IOException($"{name} cannot be written: {(error is IOException ? error.Message : "it is closed")}", error);
            }
        }
    }
}
