"""Recognise handwritten digits: a command-line program that knows nothing of hpo."""

import argparse

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--alpha", type=float, default=1e-4, help="weight of the penalty")
parser.add_argument("--penalty", choices=["l2", "l1", "elasticnet"], default="l2")
parser.add_argument("--eta", type=float, default=0.1, help="the learning rate at the beginning")
parser.add_argument("--passes", type=int, default=10)
options = parser.parse_args()

images, digits = load_digits(return_X_y=True)
x, x_valid, y, y_valid = train_test_split(images / 16, digits, test_size=0.3, random_state=0)
model = SGDClassifier(
    alpha=options.alpha,
    penalty=options.penalty,
    learning_rate="invscaling",
    eta0=options.eta,
    random_state=0,
)
for number in range(1, options.passes + 1):
    model.partial_fit(x, y, classes=range(10))
    print(f"pass {number}: accuracy {model.score(x_valid, y_valid):.4f}")
