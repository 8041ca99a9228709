using ClusterTrain.Hosting;
using ClusterTrain.Learning;
using ClusterTrain.Training;

var recipe = RecipeReader.Read(args[0], args[3..]);
var data = DataPreparation.Prepare(recipe, DataLocations.FromEnvironment(null));
using var folder = RunFolder.Create(Path.Combine(Path.GetTempPath(), "ct-" + Guid.NewGuid().ToString("N")), recipe);
using var stop = new CancellationTokenSource();
var outcome = InProcessTraining.Train(recipe, data, folder, new InProcessSettings { Workers = int.Parse(args[1], null), Threads = int.Parse(args[2], null) }, TimeProvider.System, e => { if (e is not RunProgress and not WorkerSpeeds) Console.WriteLine(e is EpochCompleted c ? $"{c.Record.Epoch} {c.Record.Loss:F4} {c.Record.Validation?.Loss:F4} {c.Record.Validation?.Accuracy:F4} {c.SamplesPerSecond:F0} {c.Record.WeightsSha256[..8]}" : e.ToString()); }, stop.Token);
Console.WriteLine(outcome);
return 0;
