"""Each form of the string spelling."""
'''#hpo.loguniform(1e-5, 1e-1)'''
lr = (__import__("hpo").trial.value("lr") if __import__("hpo").trial.given("lr") else __import__("hpo").trial.own("lr", 0.01))

"""#hpo.variable(hpo.choice(16, 32, 64), name=batch_size)"""

# a comment and a blank line may stand between
batch_size = (__import__("hpo").trial.value("batch_size") if __import__("hpo").trial.given("batch_size") else __import__("hpo").trial.own("batch_size", 32))
"#hpo.choice(len, str.upper, name=act)"
function = ((len) if __import__("hpo").trial.picked("act", "len") else (str.upper) if __import__("hpo").trial.picked("act", "str.upper") else __import__("hpo").trial.own("act", len))
'''#hpo.quniform(
    0, 1,
    0.25)'''
drop: float = (__import__("hpo").trial.value("drop") if __import__("hpo").trial.given("drop") else __import__("hpo").trial.own("drop", 0.5))
r"#hpo.choice('a\n', 'b')"
text = (__import__("hpo").trial.value("text") if __import__("hpo").trial.given("text") else __import__("hpo").trial.own("text", 'a\n'))
(
    '''#hpo.normal(0, 2)'''
)
shift = (__import__("hpo").trial.value("shift") if __import__("hpo").trial.given("shift") else __import__("hpo").trial.own("shift", -1.5))
print(lr, batch_size, function("four"), drop, repr(text), shift)
