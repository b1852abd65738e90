import asyncio


async def value(x, delay=0):  # hpo: choice(0, 0.0)
    return x


async def numbers(stop=3):
    for i in range(stop):
        step = 2  # hpo: choice(2, 4)
        yield i * step


async def main():
    '''@hpo.choice(await value(1), await value(2), name=first)'''
    first = await value(1)
    got = [n async for n in numbers(stop=2)]  # hpo: choice(2, 3)
    async with asyncio.Lock() as _:
        last = await value(x=5)  # hpo: choice(5, 6)
    return first, got, last


print(asyncio.run(main()))
