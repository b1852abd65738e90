"""The loop is the budget: a tuner that has one gives a trial fewer passes."""

EPOCHS = 2 * 5
momentum = 0.9  # hpo: uniform(0, 0.99)

value = 0.0
for epoch in range(EPOCHS):  # hpo: fidelity()
    value += (1 - value) * momentum / 4
    '''@hpo.report_intermediate_result(value)'''
print(epoch, round(value, 6))
