using System.IO.Compression;
using Microsoft.AspNetCore.Http;

namespace ClusterTrain.Dashboard.Pages;

/// <summary>The files of the page, which are part of the assembly.</summary>
internal static class PageFiles
{
    private static readonly Dictionary<string, (string Type, Lazy<byte[]> Packed)> s_files =
        new[] { ("dashboard.css", "text/css"), ("dashboard.js", "text/javascript"), ("radzen.js", "text/javascript"),
            ("blazor.web.js", "text/javascript") }
        .ToDictionary(file => file.Item1, file => (file.Item2, new Lazy<byte[]>(() => Pack(file.Item1))));

    /// <summary>Names this build in the addresses of files, so that a browser keeps them as long as they are the same.</summary>
    public static string Version { get; } = typeof(PageFiles).Module.ModuleVersionId.ToString("N")[..12];

    /// <summary>Answers with a file.</summary>
    public static IResult Serve(string name, HttpContext http)
    {
        if (!s_files.TryGetValue(name, out var file))
        {
            return Results.NotFound();
        }

        http.Response.Headers.CacheControl = http.Request.Query.ContainsKey("v") ? "max-age=31536000, immutable" : "no-cache";
        if (http.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.Ordinal))
        {
            http.Response.Headers.ContentEncoding = "gzip";
            return Results.Bytes(file.Packed.Value, $"{file.Type}; charset=utf-8");
        }

        return Results.Stream(Open(name), $"{file.Type}; charset=utf-8");
    }

    private static Stream Open(string name) => typeof(PageFiles).Assembly.GetManifestResourceStream(name)!;

    private static byte[] Pack(string name)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
        using (var file = Open(name))
        {
            file.CopyTo(gzip);
        }

        return packed.ToArray();
    }
}
