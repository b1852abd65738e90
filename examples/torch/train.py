"""Recognise handwritten digits with a small network in PyTorch that can stop and go on.

`python train.py` makes all 9 epochs. Under `hpo run --tuner BOHB` or `--tuner PBT` a trial makes as many as
its budget says; under `--assessor ASHA` it is stopped on its way where it is not among the best.
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

import hpo

EPOCHS = 9

torch.manual_seed(0)
images, digits = load_digits(return_X_y=True)
parts = train_test_split(images / 16, digits, test_size=0.25, stratify=digits, random_state=0)
x, x_valid = (torch.tensor(part, dtype=torch.float32) for part in parts[:2])
y, y_valid = (torch.tensor(part) for part in parts[2:])

width = 32  # hpo: choice(16, 32, 64)
dropout = 0.5  # hpo: uniform(0, 0.7)
model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10))

name = "sgd"  # hpo: choice("sgd", "adam")
lr = 0.01  # hpo: loguniform(1e-4, 1)
if name == "sgd":
    momentum = 0.0  # hpo: uniform(0, 0.99)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
else:
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)

keeps = hpo.get_experiment_id() != "STANDALONE"  # by hand there is nothing to go on from
checkpoint = hpo.trial_dir() / "checkpoint.pt"
done = 0
if keeps and checkpoint.exists():
    state = torch.load(checkpoint, weights_only=True)
    done = state["done"]
    model.load_state_dict(state["model"])
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state["optimizer"]})  # but with its own lr
    print(f"goes on after epoch {done}, with lr {optimizer.param_groups[0]['lr']:.4f}")

for epoch in hpo.fidelity(range(EPOCHS), start=done):
    torch.manual_seed(epoch)
    model.train()
    for batch in torch.randperm(len(x)).split(32):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
    model.eval()
    accuracy = (model(x_valid).argmax(1) == y_valid).float().mean().item()
    print(f"epoch {epoch + 1}  accuracy {accuracy:.4f}")
    hpo.report_intermediate_result(accuracy, step=epoch)
    if keeps:
        unfinished = checkpoint.with_suffix(".new")  # renamed when it is whole: a trial may be killed
        state = {"done": epoch + 1, "model": model.state_dict(), "optimizer": optimizer.state_dict()["state"]}
        torch.save(state, unfinished)
        unfinished.rename(checkpoint)

hpo.report_final_result(accuracy)
