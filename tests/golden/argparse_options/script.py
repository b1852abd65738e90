import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.01)  # hpo: default=loguniform(1e-5, 1e-1, name=lr)
parser.add_argument("-b", "--batch-size", type=int, default=32)  # hpo: default=choice(16, 32, name=batch_size)
parser.add_argument("--one", default=1)  # hpo: uniform(0, 2)
parser.add_argument("--two", default=1)  # hpo: uniform(0, 2)
print(parser.parse_args([]), parser.parse_args(["--lr", "3"]).lr)
