'''#hpo.variable(hpo.choice(
    {"_name": "conv", "size": hpo.choice(1, 3, 5), "pad": "same"},
    {"_name": "pool", "size": hpo.randint(2, 4), "kind": hpo.choice("max", "mean")},
    {"_name": "none"}), name=layer0)'''
layer0 = (({"_name": "conv", "size": (__import__("hpo").trial.value("layer0.conv.size") if __import__("hpo").trial.given("layer0.conv.size") else 1), "pad": ("same")}) if __import__("hpo").trial.picked("layer0", "conv") else ({"_name": "pool", "size": (__import__("hpo").trial.value("layer0.pool.size") if __import__("hpo").trial.given("layer0.pool.size") else 3), "kind": (__import__("hpo").trial.value("layer0.kind") if __import__("hpo").trial.given("layer0.kind") else "max")}) if __import__("hpo").trial.picked("layer0", "pool") else ({"_name": "none"}) if __import__("hpo").trial.picked("layer0", "none") else __import__("hpo").trial.own("layer0", {"_name": "pool", "size": 2, "kind": "max"}))
print(sorted(layer0.items()))
