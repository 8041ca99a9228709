using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using Akka.Configuration;
using Akka.Remote;
using Akka.Remote.Transport.DotNetty;
using ClusterTrain.Cluster.Links;
using ClusterTrain.Cluster.Membership;
using AkkaCluster = Akka.Cluster.Cluster;

namespace ClusterTrain.Cluster.Tests;

/// <summary>
/// A node of an attacker: plain Akka.NET with its own serializers and nothing guarded, which speaks to the Akka port of a node of a cluster. It tells
/// which of its messages created something on the other side: both run in this process.
/// </summary>
internal sealed class HostileNode : IDisposable
{
    private readonly ActorSystem _system;
    private readonly string _victim;

    /// <summary>Creates the attacker.</summary>
    /// <param name="victim">Akka port of the node it attacks.</param>
    /// <param name="security">The secret it has; without one it does not even use TLS.</param>
    public HostileNode(int victim, LinkSecurity security)
    {
        var config = ConfigurationFactory.ParseString($$"""
            akka {
              loglevel = OFF
              stdout-loglevel = OFF
              actor.provider = cluster
              remote.dot-netty.tcp { hostname = "127.0.0.1", port = 0, enable-ssl = {{(security.HasSecret ? "on" : "off")}} }
              cluster.seed-node-timeout = 1s
              cluster.downing-provider-class = ""
              coordinated-shutdown { exit-clr = off, run-by-clr-shutdown-hook = off }
            }
            """);
        _system = security.ClusterCredentials() is (var certificate, _)
            ? ActorSystem.Create(
                AkkaConfiguration.SystemName,
                BootstrapSetup.Create().WithConfig(config).And(new DotNettySslSetup(certificate, suppressValidation: true)))
            : ActorSystem.Create(AkkaConfiguration.SystemName, config);
        _victim = $"{(security.HasSecret ? "akka.ssl.tcp" : "akka.tcp")}://{AkkaConfiguration.SystemName}@127.0.0.1:{victim}";
        _system.ActorOf(Props.Create(() => new Listener(this)));
    }

    /// <summary>Set once a connection to the victim was refused.</summary>
    public ManualResetEventSlim Refused { get; } = new();

    /// <summary>True when the victim's cluster has taken this node in.</summary>
    public bool IsMember => AkkaCluster.Get(_system).IsUp;

    /// <summary>Tries to join the victim's cluster.</summary>
    public void Join() => AkkaCluster.Get(_system).JoinSeedNodes([Address.Parse(_victim)]);

    /// <summary>Sends a message to an actor of the victim.</summary>
    public void Send(string path, object message) => _system.ActorSelection(_victim + path).Tell(message);

    /// <summary>Resolves an actor of the victim, to which no trusted path is needed any more.</summary>
    public IActorRef Find(string path) => _system.ActorSelection(_victim + path).ResolveOne(Patience.Limit).GetAwaiter().GetResult();

    /// <summary>Creates an actor on the victim.</summary>
    public void Deploy() => _system.ActorOf(Props.Create<Intruder>()
        .WithDeploy(Akka.Actor.Deploy.None.WithScope(new RemoteScope(Address.Parse(_victim)))));

    public void Dispose()
    {
        _system.Terminate().Wait();
        _system.Dispose();
        Refused.Dispose();
    }

    /// <summary>Connects to a port, without a word.</summary>
    public static Socket Connect(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream,
            ProtocolType.Tcp)
        { ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds };
        socket.Connect(IPAddress.Loopback, port);
        return socket;
    }

    /// <summary>What must not come to life on the victim.</summary>
    public sealed class Intruder : UntypedActor
    {
        private static int s_created;

        public Intruder() => Interlocked.Increment(ref s_created);

        public static int Created => Volatile.Read(ref s_created);

        protected override void OnReceive(object message)
        {
        }
    }

    /// <summary>An object that says when it is created from its type's name.</summary>
    public sealed class Gadget
    {
        private static int s_created;

        public string Text
        {
            get;
            set
            {
                field = value;
                Interlocked.Increment(ref s_created);
            }
        }

        = "";

        public static int Created => Volatile.Read(ref s_created);
    }

    /// <summary>An exception that says when it is created from its type's name.</summary>
    public sealed class GadgetException : Exception
    {
        private static int s_created;

        public GadgetException()
        {
        }

        public GadgetException(string message)
            : base(message) => Interlocked.Increment(ref s_created);

        public GadgetException(string message, Exception inner)
            : base(message, inner) => Interlocked.Increment(ref s_created);

        public static int Created => Volatile.Read(ref s_created);
    }

    private sealed class Listener : ReceiveActor
    {
        public Listener(HostileNode node)
        {
            Context.System.EventStream.Subscribe(Self, typeof(AssociationErrorEvent));
            Receive<AssociationErrorEvent>(_ => node.Refused.Set());
        }
    }
}
