import operator

negative = (__import__("hpo").trial.value("negative") if __import__("hpo").trial.given("negative") else __import__("hpo").trial.own("negative", -1))  # hpo; choice(-1, +1, -2.5)
flag = (__import__("hpo").trial.value("flag") if __import__("hpo").trial.given("flag") else __import__("hpo").trial.own("flag", None))  # hpo; choice(None, True, False)
text = (__import__("hpo").trial.value("text") if __import__("hpo").trial.given("text") else __import__("hpo").trial.own("text", "it's"))  # hpo; choice('it\'s', "tab\t", "\u00e9")
sums = ((1+2) if __import__("hpo").trial.picked("sums", "1+2") else (2**3) if __import__("hpo").trial.picked("sums", "2**3") else __import__("hpo").trial.own("sums", (1 + 2)))  # hpo; choice(1+2, 2**3)
call = ((operator.add(1, 2)) if __import__("hpo").trial.picked("call", "operator.add(1, 2)") else (operator.mul(3, 4)) if __import__("hpo").trial.picked("call", "operator.mul(3, 4)") else __import__("hpo").trial.own("call", operator.add( 1 ,2 )))  # hpo; choice(operator.add(1, 2), operator.mul(3, 4))
items = (([1, 2]) if __import__("hpo").trial.picked("items", "[1, 2]") else ((3,)) if __import__("hpo").trial.picked("items", "(3,)") else ({"k": {4}}) if __import__("hpo").trial.picked("items", "{\"k\": {4}}") else __import__("hpo").trial.own("items", [1, 2]))  # hpo; choice([1, 2], (3,), {"k": {4}})
first = (((1,)) if __import__("hpo").trial.picked("first", "(1,)") else ((2,)) if __import__("hpo").trial.picked("first", "(2,)") else __import__("hpo").trial.own("first", (1,)))  # hpo; choice((1,), (2,))
big = (__import__("hpo").trial.value("big") if __import__("hpo").trial.given("big") else __import__("hpo").trial.own("big", 10))  # hpo; choice(10, 12345678901234567890)
own = (__import__("hpo").trial.value("own") if __import__("hpo").trial.given("own") else __import__("hpo").trial.own("own", negative))  # hpo; choice(1, 2)
print(negative, flag, repr(text), sums, call, items, first, big, own)
