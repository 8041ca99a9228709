"""The benchmark network in PyTorch's DistributedDataParallel: two processes over Gloo, on loopback or on two machines.

--batch is the batch of the whole cluster: each process takes half of its rows, and the gradients are averaged.
"""
import os
import tempfile

import common

PROCESSES = 2
TIMEOUT_SECONDS = 60


def add_options(parser):
    parser.add_argument("--rank", type=int, choices=range(PROCESSES), help="be this process alone; the other one runs on another machine")
    parser.add_argument("--rendezvous", metavar="URL", help="with --rank: where process 0 waits for the other one, as tcp://10.0.0.1:7000")
    parser.add_argument("--interface", default="lo", help="the network interface Gloo uses (default: lo)")


def work(rank, options, rendezvous):
    import datetime
    import torch
    import torch_network
    from torch import distributed

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)  # the same in every process: start weights and the order of the rows
    distributed.init_process_group(
        "gloo", init_method=rendezvous, rank=rank, world_size=PROCESSES,
        timeout=datetime.timedelta(seconds=TIMEOUT_SECONDS))

    def slowest(seconds):
        value = torch.tensor(seconds, dtype=torch.float64)
        distributed.all_reduce(value, distributed.ReduceOp.MAX)
        return value.item()

    x, y = (torch.from_numpy(part) for part in common.rows(options))
    model = torch_network.network(torch, options.layers)
    # These options together were faster than the defaults; a smaller bucket_cap_mb was not.
    parallel = torch.nn.parallel.DistributedDataParallel(
        model, static_graph=True, gradient_as_bucket_view=True, broadcast_buffers=False)
    train = torch_network.trainer(torch, parallel, torch_network.batches(torch, x, y, options.batch, rank, PROCESSES))

    loss_first = torch_network.loss(torch, model, x, y)
    measured = common.timed(train, options.batch, options.seconds, slowest)
    code = 0
    if rank == 0 or options.rank is not None:
        loss_last = torch_network.loss(torch, model, x, y)
        try:
            common.report(options, "pytorch-ddp", torch.__version__, measured, loss_first, loss_last, processes=PROCESSES)
        except SystemExit as failure:
            code = failure.code
    # PyTorch 1.13 can deadlock while it takes Gloo down: the reducer's destructor holds Python's lock and joins a Gloo
    # thread that waits for this lock to free a tensor. Nothing is left to save, so the process ends without destructors.
    os._exit(code)


def main():
    options = common.start(__doc__.splitlines()[0], add_options)
    common.need("numpy", "python3-numpy")
    torch = common.need("torch", "python3-torch")
    multiprocessing = common.need("torch.multiprocessing", "python3-torch")
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        common.fail(common.EXIT_MISSING_PACKAGE,
                    "this PyTorch has no Gloo: apt-get install python3-torch, then run with /usr/bin/python3")
    if options.batch % PROCESSES:
        common.fail(common.EXIT_BAD_INPUT, f"--batch is {options.batch}; it must be a multiple of the {PROCESSES} processes")
    if (options.rank is None) != (options.rendezvous is None):
        common.fail(common.EXIT_BAD_INPUT, "--rank and --rendezvous go together")
    os.environ["GLOO_SOCKET_IFNAME"] = options.interface
    if options.rank is not None:
        work(options.rank, options, options.rendezvous)
    else:
        with tempfile.TemporaryDirectory() as folder:
            multiprocessing.spawn(work, (options, f"file://{os.path.join(folder, 'store')}"), PROCESSES)


if __name__ == "__main__":
    main()
