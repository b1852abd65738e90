"""#nni.get_next_parameter()"""
'''#nni.variable(nni.choice(50, 250, 500), name=batch_size)'''
batch_size = (__import__("hpo").trial.value("batch_size") if __import__("hpo").trial.given("batch_size") else __import__("hpo").trial.own("batch_size", 50))
class self: pass
self.rate = (__import__("hpo").trial.value("rate") if __import__("hpo").trial.given("rate") else __import__("hpo").trial.own("rate", 0.5))  # nni; uniform(0.1, 0.9)
table = {}
"""#nni.variable(nni.randint(0, 9), name=table["k"])"""
table["k"] = (__import__("hpo").trial.value("table[\"k\"]") if __import__("hpo").trial.given("table[\"k\"]") else __import__("hpo").trial.own("table[\"k\"]", 4))
"""#nni.function_choice(max(1, 2), min(1, 2), name=max)"""
pooled = ((max(1, 2)) if __import__("hpo").trial.picked("max", "max(1, 2)") else (min(1, 2)) if __import__("hpo").trial.picked("max", "min(1, 2)") else __import__("hpo").trial.own("max", max(1, 2)))
"""#nni.function_choice(max(1, 2), min(1, 2), name=other)"""
missed = max(3, 4)
for step in range(2):
    __import__("hpo").trial.report_intermediate_result(step / 2)
__import__("hpo").trial.report_final_result(pooled)
print(batch_size, self.rate, table, pooled, missed)
