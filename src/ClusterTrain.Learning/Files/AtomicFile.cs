using System.Runtime.InteropServices;

namespace ClusterTrain.Learning.Files;

/// <summary>
/// Writes files that are whole or not there: whoever reads the path sees the old content or the new, never a part, also after a
/// crash or a power cut. A link stays a link, and the file it points to is written; a file that is replaced keeps its permissions; a pipe or a
/// device is written into as it is.
/// </summary>
public static partial class AtomicFile
{
    /// <summary>
    /// Writes to a temporary file in the same folder, flushes it to the disk, and renames it over <paramref name="path"/>. When
    /// anything fails the temporary file is removed and the path is as it was.
    /// </summary>
    /// <param name="path">The file to write; its folder must exist.</param>
    /// <param name="write">Writes the content front to back; into a pipe or a device the stream cannot seek.</param>
    /// <exception cref="IOException">The folder is missing, the disk is full, or the file cannot be replaced.</exception>
    /// <exception cref="UnauthorizedAccessException">The path is a folder, or its folder may not be written to.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        if (SpecialFile.IsAt(path))
        {
            using var special = SpecialFile.OpenToWrite(path);
            write(special);
            return;
        }

        var whole = Target(path);
        var folder = Path.GetDirectoryName(whole) ?? throw new IOException($"{path} is a folder; name a file in it");

        // A short name of its own: the file's may be as long as names can be.
        var temporary = Path.Combine(folder, $".{Path.GetRandomFileName()}.tmp");
        if (Directory.Exists(whole))
        {
            throw new UnauthorizedAccessException($"{path}: this is a folder; name a file in it.");
        }

        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException($"{path}: there is no folder {folder}; make it, or name another one.");
        }

        var stream = Create(path, temporary, ModeOf(whole));
        var isMoved = false;
        try
        {
            using (stream)
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, whole, overwrite: true);
            isMoved = true;
        }
        finally
        {
            if (!isMoved)
            {
                File.Delete(temporary);
            }
        }

        if (!OperatingSystem.IsWindows())
        {
            FlushFolder(folder);
        }
    }

    /// <summary>The file itself, whatever links lead to it.</summary>
    private static string Target(string path)
    {
        var link = new FileInfo(path);
        return link.LinkTarget is null ? Path.GetFullPath(path) : link.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
    }

    private static UnixFileMode? ModeOf(string path) => !OperatingSystem.IsWindows() && File.Exists(path) ? File.GetUnixFileMode(path) : null;

    private static FileStream Create(string path, string temporary, UnixFileMode? mode)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.None };
            if (mode is null || OperatingSystem.IsWindows())
            {
                return new FileStream(temporary, options);
            }

            // The mask of the process may take away from it what the file has.
            options.UnixCreateMode = mode & (UnixFileMode.UserRead | UnixFileMode.UserWrite);
            var stream = new FileStream(temporary, options);
            File.SetUnixFileMode(stream.SafeFileHandle, mode.Value);
            return stream;
        }
        catch (UnauthorizedAccessException error)
        {
            // The name that the user gave, not that of the temporary file.
            throw new UnauthorizedAccessException($"{path}: its folder may not be written to; name another one, or change its permissions.", error);
        }
    }

    /// <summary>
    /// On Unix the new name is on the disk only when its folder is. .NET opens no folders, so this asks the C library. A folder
    /// that cannot be opened for reading, or a file system that cannot flush one, leaves the file whole, but a power cut within
    /// the next seconds may bring back the old one: that is no reason to fail.
    /// </summary>
    private static void FlushFolder(string folder)
    {
        const int ReadOnly = 0;
        var handle = Open(folder, ReadOnly);
        if (handle < 0)
        {
            return;
        }

        _ = Flush(handle);
        _ = Close(handle);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Flush(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);
}
