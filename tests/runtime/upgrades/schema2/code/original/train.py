import time

import hpo

x = 0.5  # hpo: uniform(0, 1)
n = 2  # hpo: choice(1, 2, 3)
for step in range(2):
    hpo.report_intermediate_result(x * step)
if hpo.get_sequence_id() == 2:
    raise ValueError("trial 2 fails")
if hpo.get_sequence_id() > 3:
    time.sleep(1)
hpo.report_final_result({"default": x, "other": n})
