total = 0


def counter():
    count = 1

    def step():
        nonlocal count
        global total
        count = (__import__("hpo").trial.value("count") if __import__("hpo").trial.given("count") else __import__("hpo").trial.own("count", 2))  # hpo; choice(2, 3)
        total = (__import__("hpo").trial.value("total") if __import__("hpo").trial.given("total") else __import__("hpo").trial.own("total", 5))  # hpo; choice(5, 6)

    step()
    return count


'''#hpo.choice(lambda x: x + 1, lambda x: x * 2, name=scale)'''
scale = ((lambda x: x + 1) if __import__("hpo").trial.picked("scale", "lambda x: x + 1") else (lambda x: x * 2) if __import__("hpo").trial.picked("scale", "lambda x: x * 2") else __import__("hpo").trial.own("scale", (lambda x: x + 1)))
squares = [(lambda k=i: k * factor)() for i in range(3) if (factor := (__import__("hpo").trial.value("factor") if __import__("hpo").trial.given("factor") else __import__("hpo").trial.own("factor", 2)))]  # hpo; factor=choice(2, 3)
key = sorted([3, 1], key=lambda v, sign=(__import__("hpo").trial.value("sign") if __import__("hpo").trial.given("sign") else __import__("hpo").trial.own("sign", -1)): sign * v)  # hpo; choice(-1, 1)


def deco(weight=1):
    return lambda f: (f, weight)


@deco(weight=(__import__("hpo").trial.value("weight") if __import__("hpo").trial.given("weight") else __import__("hpo").trial.own("weight", 2)))  # hpo; choice(2, 3)
def plain():
    pass


def generator():
    received = (__import__("hpo").trial.value("received") if __import__("hpo").trial.given("received") else __import__("hpo").trial.own("received", (yield 1)))  # hpo; choice(7, 8)
    print(received)


print(counter(), total, scale(3), squares, key, plain[1], list(generator()))
