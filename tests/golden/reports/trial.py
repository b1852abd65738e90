import json

'''#hpo.get_next_parameter()'''
rate = (__import__("hpo").trial.value("rate") if __import__("hpo").trial.given("rate") else __import__("hpo").trial.own("rate", 0.5))  # hpo; uniform(0, 1)
for epoch in range(2):
    __import__("hpo").trial.report_intermediate_result(rate * epoch, step=epoch)
    __import__("hpo").trial.report_intermediate_result({"default": rate, "loss": json.loads("1")})
__import__("hpo").trial.report_intermediate_result(
    rate
)


def end():
    __import__("hpo").trial.report_final_result(rate)


end()
