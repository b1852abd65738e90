"""Tell malignant tumours from benign ones with a scikit-learn pipeline whose steps are chosen, too.

`python train.py` runs the pipeline that stands here. Under `hpo run` each trial has a scaler or none, PCA or
none, and one of two classifiers; what a step needs is searched only in the trials that have that step.
"""

from sklearn import preprocessing
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

cells, benign = load_breast_cancer(return_X_y=True)
x, x_test, y, y_test = train_test_split(cells, benign, test_size=0.25, stratify=benign, random_state=0)

"""@hpo.choice(preprocessing.StandardScaler(), preprocessing.RobustScaler(), "passthrough")"""
scaler = preprocessing.StandardScaler()

reduction = "none"  # hpo: choice("none", "pca")
reducer = "passthrough"
if reduction == "pca":
    reducer = PCA(
        n_components=10,  # hpo: randint(2, 31)
        whiten=False,  # hpo: choice(True, False)
        random_state=0,
    )

classifier = "forest"  # hpo: choice("forest", "svc")
if classifier == "forest":
    model = RandomForestClassifier(
        n_estimators=30,  # hpo: randint(10, 101)
        max_features=0.2,  # hpo: uniform(0.05, 1)
        min_samples_leaf=1,  # hpo: randint(1, 11)
        random_state=0,
    )
else:
    kernel = "rbf"  # hpo: choice("linear", "rbf")
    model = SVC(
        kernel=kernel,
        C=1.0,  # hpo: loguniform(1e-2, 1e3)
    )
    if kernel == "rbf":
        gamma = 0.03  # hpo: loguniform(1e-4, 1)
        model.set_params(gamma=gamma)

pipeline = make_pipeline(scaler, reducer, model)
scores = []
for train, valid in StratifiedKFold(5).split(x, y):
    scores.append(pipeline.fit(x[train], y[train]).score(x[valid], y[valid]))
    """@hpo.report_fold(scores[-1])"""

test_accuracy = pipeline.fit(x, y).score(x_test, y_test)
print(f"accuracy {sum(scores) / 5:.4f} in cross-validation, {test_accuracy:.4f} on the test cells")
