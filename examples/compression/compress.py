"""Make a trained network as small as it can be while it still reads 96 digits in a hundred.

`python compress.py` trains a network, prunes its smallest weights and rounds the others to a few bits. Under
`hpo run` each layer has a sparsity and a number of bits of its own.
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.utils import prune
from torchao.quantization import IntxWeightOnlyConfig, quantize_

images, digits = load_digits(return_X_y=True)
parts = train_test_split(images / 16, digits, test_size=0.4, stratify=digits, random_state=0)
x, x_valid = (torch.tensor(part, dtype=torch.float32) for part in parts[:2])
y, y_valid = (torch.tensor(part) for part in parts[2:])


def train(network, passes):
    optimizer = torch.optim.Adam(network.parameters(), lr=0.002)
    for _ in range(passes):
        for batch in torch.randperm(len(x)).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x[batch]), y[batch]).backward()
            optimizer.step()


def accuracy_of(network):
    return (network(x_valid).argmax(1) == y_valid).float().mean().item()


torch.manual_seed(0)
torch.set_num_threads(1)
network = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 10))
layers = network[0], network[2], network[4]
train(network, passes=20)
before = accuracy_of(network)
bytes_before = sum(layer.weight.numel() * 4 for layer in layers)

sparsities = {
    "first_sparsity": 0.5,  # hpo: uniform(0, 0.99)
    "second_sparsity": 0.5,  # hpo: uniform(0, 0.99)
    "third_sparsity": 0.5,  # hpo: uniform(0, 0.99)
}
for layer, sparsity in zip(layers, sparsities.values(), strict=True):
    prune.l1_unstructured(layer, "weight", amount=sparsity)
train(network, passes=2)  # hpo: passes=randint(0, 9)

bits_of_weights = {
    "first_bits": 8,  # hpo: choice(2, 3, 4, 8)
    "second_bits": 8,  # hpo: choice(2, 3, 4, 8)
    "third_bits": 8,  # hpo: choice(2, 3, 4, 8)
}
bytes_after = 0
for layer, bits in zip(layers, bits_of_weights.values(), strict=True):
    prune.remove(layer, "weight")  # what was pruned is zero from now on, and stays so when it is rounded
    bytes_after += torch.count_nonzero(layer.weight).item() * bits / 8
    quantize_(layer, IntxWeightOnlyConfig(getattr(torch, f"int{bits}")))
after = accuracy_of(network)

print(f"{bytes_before} bytes, accuracy {before:.4f}: before")
print(f"{bytes_after:.0f} bytes, accuracy {after:.4f}: after")
"""@hpo.report_final_result({"bytes": bytes_after, "accuracy": after})"""
