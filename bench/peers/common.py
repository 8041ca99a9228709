"""What the peer programs share: the command line, the rows, the clock and the one line of JSON.

Nothing here imports a numerical library before `start` has set the thread count, because BLAS and OpenMP
read it once, when they are loaded.
"""
import argparse
import gzip
import importlib
import json
import math
import os
import statistics
import sys
import time

LEARNING_RATE = 0.01
MOMENTUM = 0.9
SYNTHETIC_ROWS = 60_000  # as many as MNIST has, so that the rows do not fit in a cache here either
FAINTNESS = 0.05  # of a class's picture against the noise, in synthetic rows
LOSS_ROWS = 4_096  # the first rows; their mean loss is reported before and after
WARM_UP_SECONDS = 0.5
WINDOWS = 9
EXIT_BAD_INPUT = 2
EXIT_MISSING_PACKAGE = 3


def start(description, add_options=lambda parser: None):
    """Reads the command line and limits the threads of every library loaded after this call."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--layers", type=_layers, default=[784, 500, 500, 10], help="units per layer, as 784,500,500,10")
    parser.add_argument("--batch", type=_positive, default=128, help="rows per step")
    parser.add_argument("--threads", type=_positive, default=1, help="threads of the library, per process")
    parser.add_argument("--seconds", type=_seconds, default=4.0, help="how long to measure, after the warm-up")
    parser.add_argument("--data", metavar="FOLDER", help="folder of MNIST's IDX files, plain or .gz; without it, synthetic rows")
    add_options(parser)
    options = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(options.threads)
    return options


def need(module, package):
    """Imports a module, or ends the program by naming the Debian package that provides it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        fail(EXIT_MISSING_PACKAGE,
             f"{module} is not installed for {sys.executable}: apt-get install {package}, then run with /usr/bin/python3")


def fail(code, message):
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    raise SystemExit(code)


def _need_fast_blas():
    """Ends the program where NumPy got Debian's reference BLAS, which is many times slower and would be no peer at all."""
    if not os.path.exists("/proc/self/maps"):
        return
    with open("/proc/self/maps", encoding="utf-8") as file:
        if any(line.rstrip().endswith("/blas/libblas.so.3") or "/blas/libblas.so.3." in line for line in file):
            fail(EXIT_MISSING_PACKAGE, "NumPy uses the slow reference BLAS here: apt-get install libopenblas0-pthread")


def rows(options):
    """The training rows: float32 inputs (rows, layers[0]) in 0..1 and int64 labels (rows)."""
    _need_fast_blas()
    x, y = _mnist(options.data) if options.data else _synthetic(options.layers)
    if x.shape[1] != options.layers[0]:
        fail(EXIT_BAD_INPUT, f"--layers begins with {options.layers[0]}, but the rows in {options.data} have {x.shape[1]} values")
    if y.max() >= options.layers[-1]:
        fail(EXIT_BAD_INPUT, f"--layers ends with {options.layers[-1]}, but the labels in {options.data} go up to {y.max()}")
    if len(x) < options.batch:
        fail(EXIT_BAD_INPUT, f"--batch is {options.batch}, but there are only {len(x)} rows")
    return x, y


def timed(train, batch, seconds, agree=lambda value: value):
    """Calls train(steps) for about the given seconds; returns (samples per second, steps, seconds).

    The rate is the median over windows of whole steps, so that one disturbed window does not count. `agree` makes
    several processes use the same step counts: it takes this process's seconds and returns everybody's.
    """
    steps, elapsed = 1, 0.0
    while elapsed < WARM_UP_SECONDS:
        steps *= 2
        elapsed = agree(_time(train, steps))
    steps = max(1, round(steps * seconds / WINDOWS / elapsed))
    windows = [agree(_time(train, steps)) for _ in range(WINDOWS)]
    return statistics.median(steps * batch / window for window in windows), steps * WINDOWS, sum(windows)


def report(options, peer, version, measured, loss_first, loss_last, **more):
    if not (math.isfinite(loss_last) and loss_last < loss_first):
        fail(1, f"the loss did not fall ({loss_first:.4f} before, {loss_last:.4f} after), so the speed means nothing")
    samples_per_second, steps, elapsed = measured
    print(json.dumps({
        "peer": peer, "version": version, **more, "layers": options.layers, "batch": options.batch, "threads": options.threads,
        "samples_per_second": round(samples_per_second, 1), "steps": steps, "seconds": round(elapsed, 3),
        "loss_first": round(loss_first, 5), "loss_last": round(loss_last, 5)}), flush=True)


def _time(train, steps):
    begin = time.perf_counter()
    train(steps)
    return time.perf_counter() - begin


def _synthetic(layers):
    # Noise and a faint picture per class: a network can learn it, and not so soon that it has nothing left to learn.
    import numpy
    random = numpy.random.default_rng(1)
    y = random.integers(0, layers[-1], SYNTHETIC_ROWS)
    pictures = random.random((layers[-1], layers[0]), dtype=numpy.float32)
    x = random.random((SYNTHETIC_ROWS, layers[0]), dtype=numpy.float32)
    x += pictures[y] * numpy.float32(FAINTNESS)
    x /= 1 + FAINTNESS
    return x, y


def _mnist(folder):
    import numpy
    x = _idx(folder, "train-images-idx3-ubyte", dimensions=3)
    y = _idx(folder, "train-labels-idx1-ubyte", dimensions=1)
    if len(x) != len(y):
        fail(EXIT_BAD_INPUT, f"{folder}: {len(x)} images, but {len(y)} labels")
    x = x.reshape(len(x), -1).astype(numpy.float32)
    x /= 255
    return x, y.astype(numpy.int64)


def _idx(folder, name, dimensions):
    # IDX: two zero bytes, 8 for unsigned bytes, the number of dimensions; each dimension in 4 bytes, big-endian; the values.
    import numpy
    path = os.path.join(folder, name)
    try:
        if os.path.exists(path):
            with open(path, "rb") as file:
                content = file.read()
        else:
            path += ".gz"
            with gzip.open(path) as file:
                content = file.read()
    except (OSError, EOFError) as error:
        fail(EXIT_BAD_INPUT, f"cannot read {path}: {error}")
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes([0, 0, 8, dimensions]):
        fail(EXIT_BAD_INPUT, f"{path} is not an IDX file of unsigned bytes in {dimensions} dimension(s)")
    shape = [int.from_bytes(content[i:i + 4], "big") for i in range(4, header, 4)]
    if len(content) - header != math.prod(shape):
        fail(EXIT_BAD_INPUT, f"{path} promises {math.prod(shape)} values and holds {len(content) - header}")
    return numpy.frombuffer(content, numpy.uint8, offset=header).reshape(shape)


def _layers(text):
    sizes = [_positive(part) for part in text.split(",")]
    if len(sizes) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} needs at least an input and an output size, as in 784,10")
    return sizes


def _positive(text):
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return value


def _seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0 and up to 3600")
    return value
