"""The network and its training loop for the two PyTorch peers."""
import common


def network(torch, layers):
    modules = []
    for inputs, outputs in zip(layers, layers[1:]):
        modules += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def batches(torch, x, y, batch, rank=0, processes=1):
    """Endless shuffled batches; of several processes with one seed, each takes its share of every batch."""
    share = batch // processes
    while True:
        for rows in torch.randperm(len(x))[:len(x) - len(x) % batch].split(batch):
            rows = rows[rank * share:(rank + 1) * share]
            yield x.index_select(0, rows), y.index_select(0, rows)


def trainer(torch, model, pairs):
    """Returns train(steps), the loop as PyTorch's own tutorials write it."""
    cross_entropy = torch.nn.functional.cross_entropy
    optimiser = torch.optim.SGD(model.parameters(), lr=common.LEARNING_RATE, momentum=common.MOMENTUM, foreach=True)

    def train(steps):
        model.train()
        for _ in range(steps):
            inputs, labels = next(pairs)
            optimiser.zero_grad(set_to_none=True)
            cross_entropy(model(inputs), labels).backward()
            optimiser.step()

    return train


def loss(torch, model, x, y):
    model.eval()
    with torch.no_grad():
        return torch.nn.functional.cross_entropy(model(x[:common.LOSS_ROWS]), y[:common.LOSS_ROWS]).item()
