namespace ClusterTrain.Learning;

/// <summary>The keys of every part of a recipe, and what other systems call them: knows which key a user meant.</summary>
internal static class RecipeKeys
{
    /// <summary>The parts a key may have been meant for, with the path to write. The most common meaning of a key comes first.</summary>
    private static readonly (string Path, string[] Keys)[] Parts =
    [
        ("", ["name", "seed", "data", "layers", "loss", "optimiser", "schedule", "l2", "clip_norm", "batch", "leaf", "epochs",
            "early_stopping", "start"]),
        ("data", ["set", "idx", "csv", "parquet", "inline", "prepared", "delimiter", "decimal", "missing", "impute", "unseen", "task", "scale", "standardise", "scaling", "target_scale", "class_weights",
            "validation", "test"]),
        ("layers[0]", ["units", "activation", "slope", "dropout", "weights", "biases"]),
        ("optimiser", ["rate", "momentum", "beta1", "beta2", "epsilon", "weight_decay", "memory", "tolerance"]),
        ("schedule", ["warm_up_epochs", "factor", "every_epochs", "final"]),
        ("start", ["sha256", "transposed"]),
        ("early_stopping", ["metric", "patience", "least", "restore_best"]),
        ("data.csv", ["file", "files", "test_file", "header", "columns", "target", "targets", "categorical", "dates", "booleans", "exclude", "derive"]),
        ("data.idx", ["features", "labels", "test_features", "test_labels"]),
    ];

    /// <summary>Right key, then what it is also called (without '-', '_' and capitals).</summary>
    private static readonly (string Key, string[] AlsoSaid)[] Names =
    [
        ("optimiser", ["optimizer", "optim", "solver"]),
        ("rate", ["learningrate", "lr", "alpha", "eta", "stepsize"]),
        ("units", ["hidden", "neurons", "size", "nodes", "outputs", "width"]),
        ("layers", ["network", "model", "hiddenlayers", "architecture"]),
        ("weights", ["initializer", "initialiser", "init", "weightinit", "kernelinitializer", "weight", "initialization"]),
        ("biases", ["bias", "usebias", "biasinit", "biasinitializer"]),
        ("activation", ["act", "function", "nonlinearity"]),
        ("slope", ["negativeslope"]),
        ("dropout", ["dropoutrate", "droprate", "dropprob", "dropoutprob", "dropoutp"]),
        ("standardise", ["standardize", "normalise", "normalize", "standardscaler"]),
        ("scaling", ["scaler", "featurescaling", "minmax", "robust"]),
        ("dates", ["date", "datetime", "datecolumns", "parsedates", "times", "timestamps"]),
        ("booleans", ["boolean", "bool", "bools", "flags", "binarycolumns"]),
        ("exclude", ["drop", "ignore", "dropcolumns", "skip", "without", "excluded"]),
        ("batch", ["batchsize", "minibatch", "minibatchsize", "batchrows", "bs"]),
        ("leaf", ["leafrows", "leafsize"]),
        ("epochs", ["epoch", "nepochs", "maxiter", "iterations", "numepochs", "maxepochs"]),
        ("seed", ["randomseed", "randomstate", "rng"]),
        ("loss", ["cost", "objective", "criterion", "lossfunction"]),
        ("l2", ["weightdecay", "lambda", "regularization", "regularisation", "l2reg", "ridge"]),
        ("weight_decay", ["decay", "wd"]),
        ("clip_norm", ["clip", "gradclip", "maxgradnorm", "clipping", "gradientclipping"]),
        ("schedule", ["scheduler", "lrschedule", "lrscheduler", "ratedecay", "learningrateschedule"]),
        ("warm_up_epochs", ["warmup", "warmupsteps"]),
        ("factor", ["gamma", "decayrate", "droprate"]),
        ("every_epochs", ["stepsize", "every", "drop"]),
        ("final", ["etamin", "minlr", "last"]),
        ("early_stopping", ["earlystop", "stopping"]),
        ("start", ["startweights", "initialweights", "pretrained", "checkpoint", "resume", "warmstart", "load"]),
        ("transposed", ["transpose"]),
        ("sha256", ["sha", "hash", "checksum", "digest"]),
        ("metric", ["monitor"]),
        ("least", ["mindelta", "tolerance", "tol"]),
        ("restore_best", ["restorebestweights", "keepbest"]),
        ("set", ["dataset", "source", "name"]),
        ("data", ["dataset", "source", "input"]),
        ("scale", ["std", "stddev", "sigma", "deviation", "gain", "divide", "rescale"]),
        ("validation", ["val", "validationsplit", "dev", "valsplit", "validationsize", "validationfraction"]),
        ("test", ["testsplit", "testsize", "testfraction"]),
        ("kind", ["type", "method", "algorithm"]),
        ("beta1", ["b1"]),
        ("beta2", ["b2", "rho"]),
        ("epsilon", ["eps"]),
        ("memory", ["history", "historysize", "corrections"]),
        ("tolerance", ["tol", "gtol", "pgtol", "tolerancegrad", "gradienttolerance"]),
        ("targets", ["label", "labels", "y"]),
        ("features", ["inputs", "x"]),
        ("file", ["path", "trainfile"]),
        ("files", ["paths", "parts", "trainfiles"]),
        ("delimiter", ["sep", "separator", "fieldseparator", "delim", "fielddelimiter"]),
        ("impute", ["imputation", "imputer", "fill", "fillna", "missingpolicy", "fillmissing"]),
        ("unseen", ["unknown", "handleunknown", "unseencategories", "unknowncategories"]),
        ("decimal", ["decimalpoint", "decimalseparator", "decimalcomma", "decimals"]),
        ("missing", ["na", "navalues", "nan", "missingvalues", "missingwords", "nullvalues", "nas"]),
        ("categorical", ["onehot", "categories", "categoricalcolumns", "categoricals"]),
        ("derive", ["derived", "crosses", "ratios", "featurecrosses", "engineered"]),
        ("class_weights", ["classweight", "sampleweight", "sampleweights", "balanced"]),
        ("target_scale", ["targetscaling", "labelscale", "yscale", "scaletarget"]),
        ("prepared", ["preparedfile", "binary", "mapped"]),
    ];

    /// <summary>
    /// The key meant by an unknown one: another spelling of one allowed here, a key of another part (with its path), or the nearest
    /// by letters; null when nothing is near.
    /// </summary>
    public static string? Meant(string key, IReadOnlyList<string> allowedHere)
    {
        var plain = Spelling.Plain(key);
        string[] names = [.. Names.Where(name => name.AlsoSaid.Contains(plain)).Select(name => name.Key)];
        return names.FirstOrDefault(allowedHere.Contains)
            ?? allowedHere.FirstOrDefault(here => Spelling.Plain(here) == plain)
            ?? Elsewhere([plain, .. names])
            ?? Spelling.Nearest(key, allowedHere);
    }

    private static string? Elsewhere(string[] names)
    {
        foreach (var (path, keys) in Parts)
        {
            var key = keys.FirstOrDefault(key => names.Contains(key) || names[0] == Spelling.Plain(key));
            if (key is not null) return path.Length == 0 ? key : $"{path}.{key}";
        }

        return null;
    }
}
