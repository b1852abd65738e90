import hpo
from hpo import choice as pick

lr = (__import__("hpo").trial.value("lr") if __import__("hpo").trial.given("lr") else __import__("hpo").trial.own("lr", 0.01))
size = (__import__("hpo").trial.value("size") if __import__("hpo").trial.given("size") else __import__("hpo").trial.own("size", 16))
depth = 2 * (__import__("hpo").trial.value("half_depth") if __import__("hpo").trial.given("half_depth") else __import__("hpo").trial.own("half_depth", 3))
shape = [(__import__("hpo").trial.value("letter") if __import__("hpo").trial.given("letter") else __import__("hpo").trial.own("letter", "b")) for _ in range(2)]
function = ((len) if __import__("hpo").trial.picked("function", "len") else (str) if __import__("hpo").trial.picked("function", "str") else __import__("hpo").trial.own("function", 



len
))
width = (__import__("hpo").trial.value("width") if __import__("hpo").trial.given("width") else __import__("hpo").trial.own("width", 0.5)

)
print(lr, size, depth, shape, function("four"), width)
