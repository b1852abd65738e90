"""Handwritten digits, tuned through NNI's own API: nothing here knows of hpo."""

import argparse

import nni
from nni.utils import merge_parameter
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler


def main(args):
    images, labels = load_digits(return_X_y=True)
    train, validation, train_labels, validation_labels = train_test_split(images, labels, random_state=0)
    scaler = StandardScaler().fit(train)
    train, validation = scaler.transform(train), scaler.transform(validation)
    model = MLPClassifier(
        hidden_layer_sizes=(args.hidden_size,),
        solver="sgd",
        batch_size=args.batch_size,
        learning_rate_init=args.lr,
        momentum=args.momentum,
        random_state=args.seed,
    )
    accuracy = 0.0
    for epoch in range(1, args.epochs + 1):
        model.partial_fit(train, train_labels, classes=range(10))
        accuracy = model.score(validation, validation_labels)
        nni.report_intermediate_result(accuracy)
        print(f"epoch {epoch}: accuracy {accuracy:.4f}")
    nni.report_final_result(accuracy)


def get_params():
    parser = argparse.ArgumentParser(description="digits example")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--hidden_size", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--momentum", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main(merge_parameter(get_params(), nni.get_next_parameter()))
