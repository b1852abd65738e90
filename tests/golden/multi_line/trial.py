value = (  # one
    (__import__("hpo").trial.value("value") if __import__("hpo").trial.given("value") else __import__("hpo").trial.own("value", (1 +    # two
    2)))
)  # hpo; choice(3, 4)
long = \
    (__import__("hpo").trial.value("long") if __import__("hpo").trial.given("long") else __import__("hpo").trial.own("long", 5))  # hpo; choice(5, 6)
call = dict(
    a=((max(1, 2)) if __import__("hpo").trial.picked("a", "max(1, 2)") else (9) if __import__("hpo").trial.picked("a", 9) else __import__("hpo").trial.own("a", (max(
        1,
        2,
    )))),  # hpo; choice(max(1, 2), 9)
    b=[
        1,  # kept
    ],
)  # last
'''#hpo.choice("""two
lines""", "one")'''
text = (__import__("hpo").trial.value("text") if __import__("hpo").trial.given("text") else __import__("hpo").trial.own("text", ("""two
lines""")))
print(value, long, call, text)
