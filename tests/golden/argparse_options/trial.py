import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=(__import__("hpo").trial.value("lr") if __import__("hpo").trial.given("lr") else __import__("hpo").trial.own("lr", 0.01)))  # hpo; default=loguniform(1e-5, 1e-1, name=lr)
parser.add_argument("-b", "--batch-size", type=int, default=(__import__("hpo").trial.value("batch_size") if __import__("hpo").trial.given("batch_size") else __import__("hpo").trial.own("batch_size", 32)))  # hpo; default=choice(16, 32, name=batch_size)
parser.add_argument("--one", default=(__import__("hpo").trial.value("one") if __import__("hpo").trial.given("one") else __import__("hpo").trial.own("one", 1)))  # hpo; uniform(0, 2)
parser.add_argument("--two", default=(__import__("hpo").trial.value("two") if __import__("hpo").trial.given("two") else __import__("hpo").trial.own("two", 1)))  # hpo; uniform(0, 2)
print(parser.parse_args([]), parser.parse_args(["--lr", "3"]).lr)
