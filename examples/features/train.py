"""Recognise handwritten digits after 400 examples, by features that are chosen.

`python train.py` learns from the pixels. Under `hpo run` a trial has one or several kinds of features, and a
transform of them; the classifier is a simple one, naive Bayes.
"""

import numpy as np
from sklearn import preprocessing
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline


def pixels(images):
    return images.reshape(len(images), -1)


def rows(images):
    return images.sum(2)


def columns(images):
    return images.sum(1)


def blocks(images):
    return images.reshape(-1, 4, 2, 4, 2).sum((2, 4)).reshape(len(images), -1)


def edges(images):
    return np.hstack([np.abs(np.diff(images, axis=axis)).reshape(len(images), -1) for axis in (1, 2)])


def diagonals(images):
    both = images, images[:, :, ::-1]
    return np.stack([image.trace(offset, 1, 2) for image in both for offset in range(-5, 6)], 1)


def spectrum(images):
    return np.abs(np.fft.rfft2(images)).reshape(len(images), -1)


kinds = [pixels]  # hpo: subset([pixels, rows, columns, blocks, edges, diagonals, spectrum], min=1)
images, digits = load_digits(return_X_y=True)
features = np.hstack([kind(images.reshape(-1, 8, 8)) for kind in kinds])

"""@hpo.choice(
    "passthrough", preprocessing.StandardScaler(), preprocessing.QuantileTransformer(n_quantiles=50)
)"""
transform = preprocessing.StandardScaler()
smoothing = 1e-2  # hpo: loguniform(1e-6, 1)
model = make_pipeline(transform, GaussianNB(var_smoothing=smoothing))

x, x_test, y, y_test = train_test_split(features, digits, train_size=400, stratify=digits, random_state=0)
scores = []
for train, valid in StratifiedKFold(5).split(x, y):
    scores.append(model.fit(x[train], y[train]).score(x[valid], y[valid]))
    """@hpo.report_fold(scores[-1])"""

test_accuracy = model.fit(x, y).score(x_test, y_test)
print(f"accuracy {np.mean(scores):.4f} in cross-validation, {test_accuracy:.4f} on the other 1,397 images")
