"""The benchmark network in PyTorch, on the CPU.

What was tried on 784-500-500-10 / 784-10-10, in one process, windows interleaved (samples/s, thousands, median):
  - nn.Sequential, eager, x[rows]                                     26.9 / 353
  - the same with index_select                                        27.2 / 377
  - the same with the foreach optimiser and split batches (kept)      27.1 / 384
  - torch.jit.script 25.6 / 331, torch.jit.trace 26.8 / 372, traced with the loss 27.1 / 376
  - zero_grad that keeps the gradients 26.0 / 366, ReLU in place 26.6 / 374
  - without modules and optimiser: autograd.grad and _foreach_ calls  27.1 / 441
  - without autograd: backward and update written by hand             28.4 / 537
The last two no longer use what PyTorch is used for; on the narrow network NumPy is faster than both.
"""
import common

options = common.start(__doc__.splitlines()[0])
common.need("numpy", "python3-numpy")
torch = common.need("torch", "python3-torch")
import torch_network

torch.set_num_threads(options.threads)
torch.manual_seed(1)

x, y = (torch.from_numpy(part) for part in common.rows(options))
model = torch_network.network(torch, options.layers)
train = torch_network.trainer(torch, model, torch_network.batches(torch, x, y, options.batch))

loss_first = torch_network.loss(torch, model, x, y)
measured = common.timed(train, options.batch, options.seconds)
common.report(options, "pytorch", torch.__version__, measured, loss_first, torch_network.loss(torch, model, x, y))
