"""The benchmark network in NumPy: nothing is allocated in a step but what an index costs.

What was tried on 784-500-500-10 and 784-10-10, and is kept where it was faster:
  - weights as (out, in): the gradient of a narrow layer, d.T @ x, takes a quarter less time than x.T @ d into (in, out);
  - numpy.take into a buffer instead of x[rows]: 1 to 5 %;
  - one flat array for all parameters, so that momentum is three calls in all and not three for each layer: as fast as
    blocks that fit the cache on the wide network, a little faster on the narrow one;
  - the learning rate and the division by the batch go into the softmax's difference, which is small: one pass less over
    the weights;
  - the bias gradient as ones @ d instead of d.sum(axis=0): about 4 % on the narrow network.
"""
import common

options = common.start(__doc__.splitlines()[0])
np = common.need("numpy", "python3-numpy")

FLOAT = np.float32


def flat_views(flat, layers):
    """Weights (out, in) and biases (out) of every layer as views into one array."""
    weights, biases, at = [], [], 0
    for inputs, outputs in zip(layers, layers[1:]):
        weights.append(flat[at:at + inputs * outputs].reshape(outputs, inputs))
        at += inputs * outputs
        biases.append(flat[at:at + outputs])
        at += outputs
    return weights, biases


class Network:
    def __init__(self, layers, batch, random):
        size = sum((inputs + 1) * outputs for inputs, outputs in zip(layers, layers[1:]))
        self.parameters, self.velocity, self.change = (np.zeros(size, FLOAT) for _ in range(3))
        self.weights, self.biases = flat_views(self.parameters, layers)
        self.weight_changes, self.bias_changes = flat_views(self.change, layers)
        for weight in self.weights:
            weight[...] = random.standard_normal(weight.shape, dtype=FLOAT) * FLOAT((2 / weight.shape[1]) ** 0.5)  # He
        self.outputs = [np.empty((batch, n), FLOAT) for n in layers]  # outputs[0] is the input
        self.deltas = [np.empty((batch, n), FLOAT) for n in layers]
        self.active = [np.empty((batch, n), bool) for n in layers]
        self.labels = np.empty(batch, np.int64)
        self.column = np.empty((batch, 1), FLOAT)
        self.ones = np.ones(batch, FLOAT)
        self.positions = np.arange(batch)
        self.scale = FLOAT(-common.LEARNING_RATE / batch)

    def forward(self):
        """Fills outputs, the last with softmax; returns the mean cross-entropy."""
        last = len(self.weights)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases), 1):
            out = self.outputs[layer]
            np.matmul(self.outputs[layer - 1], weight.T, out=out)
            np.add(out, bias, out=out)
            if layer < last:
                np.maximum(out, 0, out=out)
        np.amax(out, axis=1, keepdims=True, out=self.column)
        np.subtract(out, self.column, out=out)
        np.exp(out, out=out)
        np.sum(out, axis=1, keepdims=True, out=self.column)
        np.divide(out, self.column, out=out)
        self.of_label = out[self.positions, self.labels]
        return -np.log(self.of_label).mean()

    def backward(self):
        """Fills change with the gradient times minus the learning rate."""
        delta = self.outputs[-1]
        delta[self.positions, self.labels] = self.of_label - FLOAT(1)
        np.multiply(delta, self.scale, out=delta)
        for layer in range(len(self.weights) - 1, -1, -1):
            below = self.outputs[layer]
            np.matmul(delta.T, below, out=self.weight_changes[layer])
            np.matmul(self.ones, delta, out=self.bias_changes[layer])
            if layer > 0:
                next_delta = self.deltas[layer]
                np.matmul(delta, self.weights[layer], out=next_delta)
                np.greater(below, 0, out=self.active[layer])
                delta = np.multiply(next_delta, self.active[layer], out=next_delta)

    def update(self):
        np.multiply(self.velocity, FLOAT(common.MOMENTUM), out=self.velocity)
        np.add(self.velocity, self.change, out=self.velocity)
        np.add(self.parameters, self.velocity, out=self.parameters)


x, y = common.rows(options)
random = np.random.default_rng(1)
network = Network(options.layers, options.batch, random)


def load(indices):
    # "clip" writes straight into out, where "raise" goes through a copy.
    np.take(x, indices, axis=0, out=network.outputs[0], mode="clip")
    np.take(y, indices, out=network.labels, mode="clip")


def batches():
    while True:
        order = random.permutation(len(x))
        for begin in range(0, len(x) - options.batch + 1, options.batch):
            yield order[begin:begin + options.batch]


def train(steps):
    for _ in range(steps):
        load(next(order))
        network.forward()
        network.backward()
        network.update()


def loss():
    losses = []
    for batch in range(max(1, min(common.LOSS_ROWS, len(x)) // options.batch)):
        load(np.arange(batch * options.batch, (batch + 1) * options.batch))
        losses.append(network.forward())
    return float(np.mean(losses))


order = batches()
loss_first = loss()
measured = common.timed(train, options.batch, options.seconds)
common.report(options, "numpy", np.__version__, measured, loss_first, loss())
