import asyncio


async def value(x, delay=(__import__("hpo").trial.value("delay") if __import__("hpo").trial.given("delay") else __import__("hpo").trial.own("delay", 0))):  # hpo; choice(0, 0.0)
    return x


async def numbers(stop=3):
    for i in range(stop):
        step = (__import__("hpo").trial.value("step") if __import__("hpo").trial.given("step") else __import__("hpo").trial.own("step", 2))  # hpo; choice(2, 4)
        yield i * step


async def main():
    '''#hpo.choice(await value(1), await value(2), name=first)'''
    first = ((await value(1)) if __import__("hpo").trial.picked("first", "await value(1)") else (await value(2)) if __import__("hpo").trial.picked("first", "await value(2)") else __import__("hpo").trial.own("first", (await value(1))))
    got = [n async for n in numbers(stop=(__import__("hpo").trial.value("stop") if __import__("hpo").trial.given("stop") else __import__("hpo").trial.own("stop", 2)))]  # hpo; choice(2, 3)
    async with asyncio.Lock() as _:
        last = await value(x=(__import__("hpo").trial.value("x") if __import__("hpo").trial.given("x") else __import__("hpo").trial.own("x", 5)))  # hpo; choice(5, 6)
    return first, got, last


print(asyncio.run(main()))
