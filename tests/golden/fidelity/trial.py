"""The loop is the budget: a tuner that has one gives a trial fewer passes."""

EPOCHS = 2 * 5
momentum = (__import__("hpo").trial.value("momentum") if __import__("hpo").trial.given("momentum") else __import__("hpo").trial.own("momentum", 0.9))  # hpo; uniform(0, 0.99)

value = 0.0
for epoch in __import__("hpo").trial.fidelity(range(EPOCHS)):  # hpo; fidelity()
    value += (1 - value) * momentum / 4
    __import__("hpo").trial.report_intermediate_result(value)
print(epoch, round(value, 6))
