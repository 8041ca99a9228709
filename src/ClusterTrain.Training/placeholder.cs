namespace ClusterTrain.Training;
