"""@nni.get_next_parameter()"""
'''@nni.variable(nni.choice(50, 250, 500), name=batch_size)'''
batch_size = 50
class self: pass
self.rate = 0.5  # nni: uniform(0.1, 0.9)
table = {}
"""@nni.variable(nni.randint(0, 9), name=table["k"])"""
table["k"] = 4
"""@nni.function_choice(max(1, 2), min(1, 2), name=max)"""
pooled = max(1, 2)
"""@nni.function_choice(max(1, 2), min(1, 2), name=other)"""
missed = max(3, 4)
for step in range(2):
    """@nni.report_intermediate_result(step / 2)"""
"""@nni.report_final_result(pooled)"""
print(batch_size, self.rate, table, pooled, missed)
