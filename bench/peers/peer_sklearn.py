"""The benchmark network as scikit-learn's MLPClassifier: partial_fit, which trains one epoch over the rows it is given."""
import common

options = common.start(__doc__.splitlines()[0])
np = common.need("numpy", "python3-numpy")
network = common.need("sklearn.neural_network", "python3-sklearn")
sklearn = common.need("sklearn", "python3-sklearn")
metrics = common.need("sklearn.metrics", "python3-sklearn")

BATCHES_PER_CALL = 16  # rows of a call in batches: enough to make the checks of each call small, few enough for short windows

x, y = common.rows(options)
classes = np.arange(options.layers[-1])
random = np.random.default_rng(1)
model = network.MLPClassifier(
    hidden_layer_sizes=options.layers[1:-1], activation="relu", solver="sgd", alpha=0, batch_size=options.batch,
    learning_rate_init=common.LEARNING_RATE, momentum=common.MOMENTUM, nesterovs_momentum=False, shuffle=False, random_state=1)


def calls():
    rows = min(BATCHES_PER_CALL, len(x) // options.batch) * options.batch
    while True:
        order = random.permutation(len(x))  # shuffled here, so that every call sees other rows and none is copied twice
        for begin in range(0, len(x) - rows + 1, rows):
            yield order[begin:begin + rows]


def train(steps):
    for _ in range(steps):
        rows = next(order)
        model.partial_fit(x[rows], y[rows], classes)


def loss():
    return float(metrics.log_loss(y[:common.LOSS_ROWS], model.predict_proba(x[:common.LOSS_ROWS]), labels=classes))


order = calls()
train(1)  # the first call makes the weights; before it there is no loss to read
loss_first = loss()
rows_per_call = len(next(order))
samples_per_second, timed_calls, seconds = common.timed(train, rows_per_call, options.seconds)
steps = timed_calls * rows_per_call // options.batch
common.report(options, "scikit-learn", sklearn.__version__, (samples_per_second, steps, seconds), loss_first, loss())
