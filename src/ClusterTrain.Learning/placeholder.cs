namespace ClusterTrain.Learning;
