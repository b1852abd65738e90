value = (  # one
    1 +    # two
    2
)  # hpo: choice(3, 4)
long = \
    5  # hpo: choice(5, 6)
call = dict(
    a=max(
        1,
        2,
    ),  # hpo: choice(max(1, 2), 9)
    b=[
        1,  # kept
    ],
)  # last
'''@hpo.choice("""two
lines""", "one")'''
text = """two
lines"""
print(value, long, call, text)
