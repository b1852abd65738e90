"""Recognise handwritten digits with gradient boosting, whose loss is reported every ten rounds.

`python train.py` makes all 100 rounds. Under `hpo run --minimize --assessor Medianstop` a trial whose loss
falls more slowly than others' is stopped on its way.
"""

import lightgbm
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import hpo

ROUNDS = 100


def report(env):
    """Report the loss on the validation images, which LightGBM has ready after each round."""
    (_, _, loss, _), *_ = env.evaluation_result_list
    done = env.iteration + 1
    if done % 10 == 0:
        print(f"round {done:3}  loss {loss:.4f}")
        hpo.report_intermediate_result(loss, step=done)


images, digits = load_digits(return_X_y=True)
x, x_test, y, y_test = train_test_split(images, digits, test_size=0.2, stratify=digits, random_state=0)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=0.25, stratify=y, random_state=0)

settings = {
    "learning_rate": 0.1,  # hpo: loguniform(1e-2, 1)
    "num_leaves": 31,  # hpo: randint(4, 64)
    "min_data_in_leaf": 20,  # hpo: randint(2, 50)
    "feature_fraction": 1.0,  # hpo: uniform(0.1, 1)
    "lambda_l2": 0.0,  # hpo: uniform(0, 10)
}
fixed = {"objective": "multiclass", "num_class": 10, "num_threads": 1, "seed": 0, "verbose": -1}
model = lightgbm.train(
    {**fixed, **settings},
    lightgbm.Dataset(x_train, y_train),
    num_boost_round=ROUNDS,
    valid_sets=[lightgbm.Dataset(x_valid, y_valid)],
    callbacks=[report],
)

losses = model.best_score["valid_0"]
accuracy = (model.predict(x_test).argmax(1) == y_test).mean()
print(
    f"loss {losses['multi_logloss']:.4f} on the validation images, accuracy {accuracy:.4f} on the test images"
)
hpo.report_final_result(losses["multi_logloss"])
