total = 0


def counter():
    count = 1

    def step():
        nonlocal count
        global total
        count = 2  # hpo: choice(2, 3)
        total = 5  # hpo: choice(5, 6)

    step()
    return count


'''@hpo.choice(lambda x: x + 1, lambda x: x * 2, name=scale)'''
scale = lambda x: x + 1
squares = [(lambda k=i: k * factor)() for i in range(3) if (factor := 2)]  # hpo: factor=choice(2, 3)
key = sorted([3, 1], key=lambda v, sign=-1: sign * v)  # hpo: choice(-1, 1)


def deco(weight=1):
    return lambda f: (f, weight)


@deco(weight=2)  # hpo: choice(2, 3)
def plain():
    pass


def generator():
    received = yield 1  # hpo: choice(7, 8)
    print(received)


print(counter(), total, scale(3), squares, key, plain[1], list(generator()))
