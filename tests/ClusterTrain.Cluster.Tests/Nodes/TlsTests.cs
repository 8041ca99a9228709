using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Nodes;
using ClusterTrain.Training.Coordination;

namespace ClusterTrain.Cluster.Tests;

/// <summary>Clusters whose links are encrypted, with certificates made here.</summary>
[Collection(ClusterGroup.Name)]
public sealed class TlsTests
{
    [Fact]
    public async Task A_cluster_with_certificates_trains_to_the_same_receipt()
    {
        using var temporary = new TemporaryFolder();
        using var authority = Authority("the cluster");
        var security = Node(temporary, authority, "node");
        using var cluster = new TestCluster(TestRuns.Plain) { Security = security };
        cluster.StartCoordinator();
        cluster.StartServer();
        cluster.StartWorker("worker-1");
        cluster.StartWorker("worker-2");

        await cluster.EndsLikeAloneAsync();
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_refused_and_so_is_a_node_without_any()
    {
        using var temporary = new TemporaryFolder();
        using var authority = Authority("the cluster");
        using var other = Authority("others");
        using var cluster = new TestCluster(TestRuns.Plain) { Security = Node(temporary, authority, "node") };
        cluster.StartCoordinator();
        cluster.StartWorker("stranger", options => options with { Security = Node(temporary, other, "stranger") });
        var outcome = Assert.IsType<NodeFailed>(await cluster.MemberOutcomes[0].WaitAsync(Patience.Limit));
        Assert.Contains("TLS", outcome.Reason, StringComparison.Ordinal);
        cluster.StartWorker("plain", options => options with { Security = TestCluster.Secret });
        cluster.Events.WaitFor<RunWarning>("the coordinator refuses a node that does not encrypt", warning =>
            warning.Message.Contains("TLS", StringComparison.Ordinal));

        cluster.StartServer();
        cluster.StartWorker();
        await cluster.EndsLikeAloneAsync();
    }

    [Fact]
    public void Certificates_that_do_not_belong_together_are_refused()
    {
        using var temporary = new TemporaryFolder();
        using var authority = Authority("the cluster");
        Node(temporary, authority, "one");
        Node(temporary, authority, "two");

        var error = Assert.Throws<ClusterException>(
            () => TestCluster.Secret.WithCertificates(temporary.File("one.pem"), temporary.File("two.key"), temporary.File("one.ca")));

        Assert.Contains("cannot use the certificates", error.Message, StringComparison.Ordinal);
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }

    private static LinkSecurity Node(TemporaryFolder folder, X509Certificate2 authority, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.Create(authority, now.AddHours(-1), now.AddHours(1), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(folder.File($"{name}.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(folder.File($"{name}.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(folder.File($"{name}.ca"), authority.ExportCertificatePem());
        return TestCluster.Secret.WithCertificates(folder.File($"{name}.pem"), folder.File($"{name}.key"), folder.File($"{name}.ca"));
    }
}
