namespace ClusterTrain.Hosting;
