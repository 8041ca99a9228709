using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using ClusterTrain.Cluster.Tests;
using Xunit.Abstractions;

namespace ClusterTrain.EndToEnd.Tests;

/// <summary>What may come to the port of a coordinator that is no member of its cluster; the run does not notice.</summary>
[Collection(IncidentCollection.Name)]
public sealed class HostileConnectionTests(IncidentRun undisturbed, ITestOutputHelper output) : IDisposable
{
    private const long MostGrowth = 200L << 20;

    private readonly ClusterProcesses _cluster = new();

    public void Dispose() => _cluster.Dispose();

    [IncidentFact]
    public void Random_bytes_a_port_scan_and_another_version_are_turned_away()
    {
        Begin();
        Send(RandomNumberGenerator.GetBytes(10_000));
        Send(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: coordinator\r\n\r\n"));
        Send([.. "CTRN"u8, 0xff, 0xfe, 0, 200, .. new byte[200]]);
        for (var i = 0; i < 50; i++)
        {
            Connect().Dispose();
        }

        _cluster.Coordinator.WaitForLine("version");
        AssertUndisturbed();
        Assert.Contains(_cluster.Coordinator.Lines, line =>
            line.Contains("refused 127.0.0.1", StringComparison.Ordinal) || line.Contains("refused [::ffff:127.0.0.1", StringComparison.Ordinal));
    }

    [IncidentFact]
    public void A_worker_with_another_secret_is_refused_with_the_reason()
    {
        Begin();
        var stranger = _cluster.StartWorker("quite another secret than the cluster's", _cluster.Address);
        Assert.Equal(1, stranger.WaitForExit());
        Assert.Contains("secret", stranger.LastLine, StringComparison.Ordinal);
        AssertUndisturbed();
    }

    [IncidentFact]
    public void Thousands_of_idle_connections_cost_little()
    {
        var before = ResidentBytes();
        var idle = new List<Socket>();
        try
        {
            for (var count = OpenFiles.AtMost(IncidentRun.IsFull ? 10_000 : 1_000); count > 0; count--)
            {
                idle.Add(Connect());
            }

            Begin();
            var growth = ResidentBytes() - before;
            output.WriteLine($"{idle.Count} idle connections: {growth / 1e6:F0} MB more");
            Assert.True(growth < MostGrowth, $"{idle.Count} idle connections cost {growth / 1e6:F0} MB");
            AssertUndisturbed();
        }
        finally
        {
            foreach (var socket in idle)
            {
                socket.Dispose();
            }
        }
    }

    private void Begin()
    {
        _cluster.AddWorkers(2);
        _cluster.Coordinator.WaitForLine("\"event\":\"progress\"");
    }

    private void AssertUndisturbed() => Assert.Equal(undisturbed.Receipt, _cluster.Finish());

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var (host, port) = _cluster.Address.Split(':') is [var name, var number] ? (name, number) : throw new FormatException(_cluster.Address);
        socket.Connect(host, int.Parse(port, CultureInfo.InvariantCulture));
        return socket;
    }

    // Sends bytes and waits until the other side closes the connection.
    private void Send(byte[] bytes)
    {
        using var socket = Connect();
        socket.ReceiveTimeout = 60_000;
        try
        {
            socket.Send(bytes);
            var answer = new byte[4096];
            while (socket.Receive(answer) > 0)
            {
                // What it says before it closes does not matter here.
            }
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            // Closed while bytes were still on their way.
        }
    }

    private long ResidentBytes()
    {
        using var process = System.Diagnostics.Process.GetProcessById(_cluster.Coordinator.Id);
        return process.WorkingSet64;
    }
}
