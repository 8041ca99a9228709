using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using ClusterTrain.Data.Common;

namespace ClusterTrain.Data.Store;

/// <summary>
/// Fetches a file into a .part file beside its place. What is there already is kept and continued from, also by a later process.
/// </summary>
internal sealed class WebDownload(HttpClient client, DataTransfer transfer, IProgress<DataProgress>? progress)
{
    private const int BufferBytes = 1 << 16;

    /// <summary>Completes a .part file.</summary>
    /// <exception cref="SourceException">The source does not give the file.</exception>
    public async Task FetchAsync(Uri address, string part, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await FetchOnceAsync(address, part, cancellation);
                return;
            }
            catch (CutOffException exception)
            {
                if (attempt == DataLimits.Attempts)
                {
                    throw new SourceException($"{address}: {exception.Message}, {attempt} times", exception);
                }

                await Task.Delay(transfer.RetryPause, transfer.Time, cancellation);
            }
        }
    }

    private async Task FetchOnceAsync(Uri address, string part, CancellationToken cancellation)
    {
        var had = File.Exists(part) ? new FileInfo(part).Length : 0;
        using var response = await AskAsync(address, had, cancellation);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            // The part is no beginning of the file.
            File.Delete(part);
            throw new CutOffException("the file is shorter than the part fetched before");
        }

        if (!response.IsSuccessStatusCode)
        {
            throw new SourceException($"{address}: answered {(int)response.StatusCode} {response.ReasonPhrase}");
        }

        var from = response.StatusCode == HttpStatusCode.PartialContent ? response.Content.Headers.ContentRange?.From ?? -1 : 0;
        if (from != 0 && from != had)
        {
            throw new SourceException($"{address}: was asked for the bytes from {had}, but sent those from {from}");
        }

        var total = from + response.Content.Headers.ContentLength;
        if (total > DataLimits.DownloadBytes)
        {
            throw new SourceException($"{address}: {total} bytes; at most {DataLimits.DownloadBytes} are fetched");
        }

        using var body = await response.Content.ReadAsStreamAsync(cancellation);
        using var file = new FileStream(part, from == 0 ? FileMode.Create : FileMode.Append, FileAccess.Write, FileShare.Read);
        await CopyAsync(body, file, address, from, total, cancellation);
    }

    private async Task<HttpResponseMessage> AskAsync(Uri address, long had, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (had > 0)
        {
            request.Headers.Range = new RangeHeaderValue(had, null);
        }

        using var limit = new CancellationTokenSource(transfer.Answer, transfer.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
        }
        catch (HttpRequestException exception)
        {
            throw new SourceException($"{address}: {exception.Message}", exception);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            throw new SourceException($"{address}: no answer within {transfer.Answer.TotalSeconds:0.#} s", exception);
        }
    }

    private async Task CopyAsync(
        Stream body, FileStream file, Uri address, long done, long? total, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(transfer.Stall, transfer.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        var buffer = new byte[BufferBytes];
        try
        {
            for (; ; )
            {
                progress?.Report(new DataProgress(DataActivity.Downloading, address.ToString(), done, total));
                var read = await body.ReadAsync(buffer, either.Token);
                if (read == 0)
                {
                    break;
                }

                limit.CancelAfter(transfer.Stall);
                file.Write(buffer.AsSpan(0, read));
                done += read;
                if (done > DataLimits.DownloadBytes)
                {
                    throw new SourceException($"{address}: more than {DataLimits.DownloadBytes} bytes");
                }
            }
        }
        catch (IOException exception) when (exception is HttpIOException or { InnerException: SocketException })
        {
            throw new CutOffException($"the connection broke after {done} bytes ({exception.Message})", exception);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            throw new CutOffException($"nothing came for {transfer.Stall.TotalSeconds:0.#} s after {done} bytes", exception);
        }

        if (done < total)
        {
            throw new CutOffException($"the connection ended after {done} of {total} bytes");
        }
    }

    /// <summary>A transfer that ended too early and can be resumed.</summary>
    private sealed class CutOffException(string message, Exception? cause = null) : Exception(message, cause);
}

/// <summary>A source of a data set that cannot be used; the next one is tried.</summary>
internal sealed class SourceException(string message, Exception? cause = null) : Exception(message, cause);
