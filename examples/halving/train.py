"""Recognise handwritten digits with a linear model that learns pass by pass, and can stop and go on.

`python train.py` makes all 27 passes. Under `hpo run --tuner Hyperband` a trial makes as many as its budget
says, and one that is promoted goes on from the checkpoint of the trial before it.
"""

import pickle

from sklearn.datasets import load_digits
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import hpo

PASSES = 27

images, digits = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(images / 16, digits, test_size=0.2, stratify=digits, random_state=0)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)

features = Nystroem(
    gamma=0.02,  # hpo: loguniform(1e-3, 1)
    n_components=200,
    random_state=0,
).fit(x_train)
x_train, x_valid, x_test = map(features.transform, (x_train, x_valid, x_test))

model = SGDClassifier(
    loss="hinge",  # hpo: choice("hinge", "log_loss", "modified_huber")
    alpha=1e-4,  # hpo: loguniform(1e-7, 1e-1)
    learning_rate="constant",  # hpo: choice("constant", "invscaling", "adaptive")
    eta0=0.01,  # hpo: loguniform(1e-4, 10)
    average=False,  # hpo: choice(True, False)
    random_state=0,
)

keeps = hpo.get_experiment_id() != "STANDALONE"  # by hand there is nothing to go on from
checkpoint = hpo.trial_dir() / "checkpoint.pickle"
done = 0
if keeps and checkpoint.exists():
    done, model = pickle.loads(checkpoint.read_bytes())
    print(f"goes on after pass {done}")

for epoch in hpo.fidelity(range(PASSES), start=done):
    model.partial_fit(x_train, y_train, classes=range(10))
    accuracy = model.score(x_valid, y_valid)
    print(f"pass {epoch + 1:2}  accuracy {accuracy:.4f}")
    hpo.report_intermediate_result(accuracy, step=epoch)
    if keeps:
        unfinished = checkpoint.with_suffix(".new")  # renamed when it is whole: a trial may be killed
        unfinished.write_bytes(pickle.dumps((epoch + 1, model)))
        unfinished.rename(checkpoint)

print(f"accuracy {model.score(x_test, y_test):.4f} on the test images")
hpo.report_final_result(model.score(x_valid, y_valid))
