"""Each form of the string spelling."""
'''@hpo.loguniform(1e-5, 1e-1)'''
lr = 0.01

"""@hpo.variable(hpo.choice(16, 32, 64), name=batch_size)"""

# a comment and a blank line may stand between
batch_size = 32
"@hpo.choice(len, str.upper, name=act)"
function = len
'''@hpo.quniform(
    0, 1,
    0.25)'''
drop: float = 0.5
r"@hpo.choice('a\n', 'b')"
text = 'a\n'
(
    '''@hpo.normal(0, 2)'''
)
shift = -1.5
print(lr, batch_size, function("four"), drop, repr(text), shift)
