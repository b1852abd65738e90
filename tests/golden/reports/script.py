import json

'''@hpo.get_next_parameter()'''
rate = 0.5  # hpo: uniform(0, 1)
for epoch in range(2):
    '''@hpo.report_intermediate_result(rate * epoch, step=epoch)'''
    # hpo: report_intermediate_result({"default": rate, "loss": json.loads("1")})
'''@hpo.report_intermediate_result(
    rate
)'''


def end():
    """@hpo.report_final_result(rate)"""


end()
