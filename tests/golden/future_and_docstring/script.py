# a comment first
"""Here @hpo.report_final_result(1) is only told of."""
from __future__ import annotations
'''@hpo.choice(1, 2)'''
x = 1


def f():
    """@hpo.choice(3, 4)"""
    y = 3
    return y


def g():
    """Say @hpo.choice(5, 6) and # hpo: choice(5, 6)."""
    return "# hpo: choice(5, 6)", '''
# hpo: choice(7, 8)
'''


print(x, f(), g(), __doc__, f.__annotations__)
