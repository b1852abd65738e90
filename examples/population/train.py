"""Recognise handwritten digits with a network whose learning rate changes while it learns.

`python train.py` makes all 20 passes with one learning rate. Under `hpo run --tuner PBT` a trial makes a few,
and the next generation goes on from the checkpoints of the best with other values.
"""

import pickle

import numpy as np
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import hpo

PASSES = 20

images, digits = load_digits(return_X_y=True)
x, x_valid, y, y_valid = train_test_split(
    images / 16, digits, test_size=0.25, stratify=digits, random_state=0
)
features = Nystroem(gamma=0.05, n_components=200, random_state=0).fit(x)
x, x_valid = map(features.transform, (x, x_valid))

eta0 = 0.01  # hpo: loguniform(1e-3, 1)
alpha = 1e-4  # hpo: loguniform(1e-7, 1e-2)
model = SGDClassifier("log_loss", learning_rate="constant", random_state=0)

keeps = hpo.get_experiment_id() != "STANDALONE"  # by hand there is nothing to go on from
checkpoint = hpo.trial_dir() / "checkpoint.pickle"
done = 0
if keeps and checkpoint.exists():
    done, model = pickle.loads(checkpoint.read_bytes())
    print(f"goes on after pass {done}, with eta0 {model.eta0:.4f} -> {eta0:.4f}")
model.set_params(eta0=eta0, alpha=alpha)  # after the weights: they are this trial's own

for epoch in hpo.fidelity(range(PASSES), start=done):
    order = np.random.default_rng(epoch).permutation(len(x))
    model.partial_fit(x[order], y[order], classes=range(10))
    accuracy = model.score(x_valid, y_valid)
    print(f"pass {epoch + 1:2}  accuracy {accuracy:.4f}")
    hpo.report_intermediate_result(accuracy, step=epoch)
    if keeps:
        unfinished = checkpoint.with_suffix(".new")  # renamed when it is whole: a trial may be killed
        unfinished.write_bytes(pickle.dumps((epoch + 1, model)))
        unfinished.rename(checkpoint)

hpo.report_final_result(model.score(x_valid, y_valid))
