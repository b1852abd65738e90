# a comment first
"""Here @hpo.report_final_result(1) is only told of."""
from __future__ import annotations
'''#hpo.choice(1, 2)'''
x = (__import__("hpo").trial.value("x") if __import__("hpo").trial.given("x") else __import__("hpo").trial.own("x", 1))


def f():
    """#hpo.choice(3, 4)"""
    y = (__import__("hpo").trial.value("y") if __import__("hpo").trial.given("y") else __import__("hpo").trial.own("y", 3))
    return y


def g():
    """Say @hpo.choice(5, 6) and # hpo: choice(5, 6)."""
    return "# hpo: choice(5, 6)", '''
# hpo: choice(7, 8)
'''


print(x, f(), g(), __doc__, f.__annotations__)
