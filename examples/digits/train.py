"""Recognise handwritten digits with a small neural network.

A script as one writes it: `python train.py` trains and prints the accuracy. What is worth tuning is marked
where it stands, in strings and comments, which Python passes over; `hpo run` reads them.
"""

from sklearn import preprocessing
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

EPOCHS = 20

images, digits = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(images, digits, test_size=0.2, stratify=digits, random_state=0)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)

"""@hpo.choice(preprocessing.StandardScaler(), preprocessing.MinMaxScaler())"""
scaler = preprocessing.StandardScaler()
x_train = scaler.fit_transform(x_train)
x_valid = scaler.transform(x_valid)
x_test = scaler.transform(x_test)

"""@hpo.choice("adam", "sgd")"""
solver = "adam"

model = MLPClassifier(
    solver=solver,
    hidden_layer_sizes=(32,),  # hpo: choice((32,), (64,), (128,), (64, 32))
    activation="relu",  # hpo: choice("relu", "tanh")
    learning_rate_init=0.001,  # hpo: loguniform(1e-4, 1e-1)
    alpha=1e-4,  # hpo: loguniform(1e-6, 1e-1)
    batch_size=64,  # hpo: choice(16, 32, 64, 128)
    random_state=0,
)

if solver == "sgd":
    """@hpo.uniform(0, 0.99)"""
    momentum = 0.9
    model.set_params(momentum=momentum)

for epoch in range(EPOCHS):
    model.partial_fit(x_train, y_train, classes=range(10))
    accuracy = model.score(x_valid, y_valid)
    print(f"epoch {epoch + 1:2}  accuracy {accuracy:.4f}")
    """@hpo.report_intermediate_result(accuracy)"""

test_accuracy = model.score(x_test, y_test)
print(f"accuracy {accuracy:.4f} on the validation images, {test_accuracy:.4f} on the test images")
"""@hpo.report_final_result(accuracy)"""
