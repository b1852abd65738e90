"""Handwritten digits, tuned through NNI's own API: nothing here knows of hpo."""

import nni
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

EPOCHS = 10


def main(params):
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
    scaler = StandardScaler().fit(x_train)
    model = MLPClassifier(
        (params["hidden_size"],),
        solver="sgd",
        batch_size=params["batch_size"],
        learning_rate_init=params["lr"],
        momentum=params["momentum"],
        random_state=0,
    )
    accuracy = 0.0
    for _ in range(EPOCHS):
        model.partial_fit(scaler.transform(x_train), y_train, classes=range(10))
        accuracy = model.score(scaler.transform(x_test), y_test)
        nni.report_intermediate_result(accuracy)
    nni.report_final_result(accuracy)


if __name__ == "__main__":
    params = {"batch_size": 32, "hidden_size": 128, "lr": 0.01, "momentum": 0.5}
    params.update(nni.get_next_parameter())
    main(params)
