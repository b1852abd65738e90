"""Recognise handwritten digits with a network whose layers and connections are chosen.

`python train.py` trains three convolutions in a row. Under `hpo run` a trial chooses what each of the three
layers is, which earlier one it is connected with besides the last, and the activation.
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional

EPOCHS = 5
WIDTH = 8

images, digits = load_digits(return_X_y=True)
parts = train_test_split(images / 16, digits, test_size=0.25, stratify=digits, random_state=0)
x, x_valid = (torch.tensor(part, dtype=torch.float32).view(-1, 1, 8, 8) for part in parts[:2])
y, y_valid = (torch.tensor(part) for part in parts[2:])


class Layer(nn.Module):
    """An operation on the sum of what its inputs give: layers that are fixed, and layers that were chosen."""

    def __init__(self, inputs, operation):
        super().__init__()
        fixed, chosen = inputs
        self.inputs = nn.ModuleList(fixed + chosen)
        self.operation = operation

    def forward(self, image):
        out = self.operation(sum(layer(image) for layer in self.inputs))
        """@hpo.function_choice(torch.relu(out), torch.tanh(out), functional.silu(out), name=activation)"""
        return torch.relu(out)


def conv(inputs, size):
    return Layer(inputs, nn.Conv2d(WIDTH, WIDTH, size, padding="same"))


def separable(inputs, size):
    each = nn.Conv2d(WIDTH, WIDTH, size, padding="same", groups=WIDTH)
    return Layer(inputs, nn.Sequential(each, nn.Conv2d(WIDTH, WIDTH, 1)))


def pool(inputs):
    return Layer(inputs, nn.MaxPool2d(3, stride=1, padding=1))


torch.manual_seed(0)
torch.set_num_threads(1)  # of so small a network several would wait for each other
stem = nn.Conv2d(1, WIDTH, 3, padding="same")
first = conv([[stem], []], size=3)  # the network of a run by hand; those of trials are in the mark
second = conv([[first], []], size=3)
third = conv([[second], []], size=3)
"""@hpo.mutable_layers({
    layer_choice: [conv(size=3), conv(size=5), separable(size=5), pool()],
    fixed_inputs: [stem],
    layer_output: first
}, {
    layer_choice: [conv(size=3), conv(size=5), separable(size=5), pool()],
    fixed_inputs: [first], optional_inputs: [stem], optional_input_size: [0, 1],
    layer_output: second
}, {
    layer_choice: [conv(size=3), conv(size=5), separable(size=5), pool()],
    fixed_inputs: [second], optional_inputs: [stem, first], optional_input_size: [0, 1],
    layer_output: third
})"""

network = nn.Sequential(third, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(WIDTH * 16, 10))
optimizer = torch.optim.Adam(network.parameters(), lr=0.003)  # hpo: lr=loguniform(1e-4, 1e-1)
for epoch in range(EPOCHS):
    for batch in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        functional.cross_entropy(network(x[batch]), y[batch]).backward()
        optimizer.step()
    accuracy = (network(x_valid).argmax(1) == y_valid).float().mean().item()
    print(f"epoch {epoch + 1}  accuracy {accuracy:.4f}")
    """@hpo.report_intermediate_result(accuracy)"""

print(f"{sum(weights.numel() for weights in network.parameters())} weights")
"""@hpo.report_final_result(accuracy)"""
