import operator

negative = -1  # hpo: choice(-1, +1, -2.5)
flag = None  # hpo: choice(None, True, False)
text = "it's"  # hpo: choice('it\'s', "tab\t", "\u00e9")
sums = 1 + 2  # hpo: choice(1+2, 2**3)
call = operator.add( 1 ,2 )  # hpo: choice(operator.add(1, 2), operator.mul(3, 4))
items = [1, 2]  # hpo: choice([1, 2], (3,), {"k": {4}})
first = 1,  # hpo: choice((1,), (2,))
big = 10  # hpo: choice(10, 12345678901234567890)
own = negative  # hpo: choice(1, 2)
print(negative, flag, repr(text), sums, call, items, first, big, own)
